-- Whose key this is; when it was last used is noted once a minute.
WITH found AS (
    SELECT id, name, role, pages, last_used_at FROM api_keys WHERE secret_hash = %(hash)s AND revoked_at IS NULL
), used AS (
    UPDATE api_keys SET last_used_at = now() FROM found
    WHERE api_keys.id = found.id AND coalesce(found.last_used_at, '-infinity') < now() - interval '1 minute'
)
SELECT name, role, pages FROM found
