-- Tables below a view whose row level security holds for whom the view reads them as, with about how many rows they have.
-- A view reads as its owner, one with security_invoker as whoever reads it.
WITH RECURSIVE parts AS (
    SELECT to_regclass(%(view)s)::oid AS oid, (SELECT oid FROM pg_roles WHERE rolname = current_user) AS reader
    UNION
    SELECT depend.refobjid, CASE WHEN invoker.yes THEN parts.reader ELSE view.relowner END
    FROM parts
    JOIN pg_class view ON view.oid = parts.oid AND view.relkind = 'v'
    JOIN pg_rewrite rule ON rule.ev_class = view.oid
    JOIN pg_depend depend ON depend.objid = rule.oid AND depend.classid = 'pg_rewrite'::regclass
        AND depend.refclassid = 'pg_class'::regclass AND depend.refobjid <> view.oid
    CROSS JOIN LATERAL (
        SELECT coalesce(bool_or(option_value::bool), false) AS yes
        FROM pg_options_to_table(view.reloptions) WHERE option_name = 'security_invoker'
    ) invoker
)
SELECT DISTINCT part.oid::regclass::text, greatest(part.reltuples::bigint, pg_stat_get_live_tuples(part.oid), 0),
    reader.rolname::text
FROM parts
JOIN pg_class part ON part.oid = parts.oid AND part.relrowsecurity
JOIN pg_roles reader ON reader.oid = parts.reader
WHERE NOT reader.rolsuper AND NOT reader.rolbypassrls
    AND (part.relforcerowsecurity OR NOT pg_has_role(reader.oid, part.relowner, 'USAGE'))
ORDER BY 1
