-- Nobody comes in with this key any more; no row: there is no such key.
WITH removed AS (UPDATE api_keys SET revoked_at = now() WHERE name = %(name)s AND revoked_at IS NULL RETURNING name)
INSERT INTO audit (who, what, target) SELECT %(who)s, 'user key remove', name FROM removed RETURNING target
