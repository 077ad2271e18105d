-- A new key; no row: the name is taken.
WITH added AS (
    INSERT INTO api_keys (name, role, pages, secret_hash, created_by)
    VALUES (%(name)s, %(role)s, %(pages)s, %(hash)s, %(who)s)
    ON CONFLICT DO NOTHING RETURNING name
)
INSERT INTO audit (who, what, target, detail) SELECT %(who)s, 'user key add', name, %(detail)s FROM added RETURNING target
