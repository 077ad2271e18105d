-- A new user; no row: the name is taken.
WITH added AS (
    INSERT INTO users (name, role, pages, password, created_by)
    VALUES (%(name)s, %(role)s, %(pages)s, %(password)s, %(who)s)
    ON CONFLICT DO NOTHING RETURNING name
)
INSERT INTO audit (who, what, target, detail) SELECT %(who)s, 'user add', name, %(detail)s FROM added RETURNING target
