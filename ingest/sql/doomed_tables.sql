-- Tables with the mark, and whatever is half detached, for only one partition of a table can be. First what can go on by
-- itself. A table with the mark that somebody has made part of another one is theirs.
SELECT oid, relname, stage, marked
FROM (
    SELECT c.oid, c.relname, starts_with(coalesce(obj_description(c.oid, 'pg_class'), ''), %(mark)s) AS marked,
        CASE WHEN i.inhdetachpending THEN 'detaching'
            WHEN i.inhrelid IS NOT NULL THEN 'marked'
            WHEN NOT c.relispartition THEN 'detached' END AS stage
    FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = %(table)s::text::regclass
    WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid)
        AND (i.inhrelid IS NOT NULL OR starts_with(c.relname, %(table)s::text || '_'))
) found
WHERE stage = 'detaching' OR (marked AND stage IS NOT NULL)
ORDER BY stage, relname
