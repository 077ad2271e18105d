-- Change what is not NULL, and end their sessions; no row: there is no such user. all_pages: they see every page from now on.
WITH changed AS (
    UPDATE users SET
        role = coalesce(%(role)s, role),
        pages = CASE WHEN %(all_pages)s THEN NULL ELSE coalesce(%(pages)s::text[], pages) END,
        password = coalesce(%(password)s, password),
        disabled = coalesce(%(disabled)s, disabled)
    WHERE name = %(name)s RETURNING name
), ended AS (
    DELETE FROM sessions USING changed WHERE user_name = name
)
INSERT INTO audit (who, what, target, detail) SELECT %(who)s, %(what)s, name, %(detail)s FROM changed RETURNING target
