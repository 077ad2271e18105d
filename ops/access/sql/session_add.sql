-- A session of somebody whose password was just checked; no row: it was changed meanwhile, or they are gone.
WITH theirs AS (
    SELECT name, role, pages FROM users
    WHERE name = %(name)s AND NOT disabled AND password IS NOT DISTINCT FROM %(password)s FOR SHARE
), forgotten AS (
    DELETE FROM sessions WHERE expires_at < now() OR id_hash IN (
        SELECT id_hash FROM sessions WHERE user_name = %(name)s ORDER BY created_at DESC OFFSET %(most)s
    )
), added AS (
    INSERT INTO sessions (id_hash, user_name, address, expires_at)
    SELECT %(hash)s, name, %(address)s, now() + make_interval(secs => %(for_s)s) FROM theirs
    ON CONFLICT DO NOTHING RETURNING user_name
), noted AS (
    INSERT INTO audit (who, what, target, detail) SELECT %(who)s, 'sign-in', user_name, %(how)s FROM added
)
SELECT name, role, pages FROM theirs
