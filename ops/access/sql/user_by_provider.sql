-- Somebody whom the OpenID provider vouches for, with the role that follows from it now; no row: they are disabled, or
-- another user bears the name.
WITH theirs AS (
    INSERT INTO users (name, role, subject, created_by)
    SELECT %(name)s, %(role)s, %(subject)s, %(who)s
    WHERE NOT EXISTS (SELECT FROM users WHERE name = %(name)s AND subject IS DISTINCT FROM %(subject)s)
        OR EXISTS (SELECT FROM users WHERE subject = %(subject)s)
    ON CONFLICT (subject) DO UPDATE SET role = excluded.role WHERE NOT users.disabled
    RETURNING name, xmax = 0 AS new
), noted AS (
    INSERT INTO audit (who, what, target, detail)
    SELECT %(who)s, 'user add', name, %(role)s || ', by the OpenID provider' FROM theirs WHERE new
)
SELECT name FROM theirs
