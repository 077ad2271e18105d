-- The largest day of the log: its table, and each of its indexes by its columns.
SELECT CASE WHEN i.indexrelid IS NULL THEN 'rows' ELSE regexp_replace(pg_get_indexdef(i.indexrelid), '.* USING ', '') END
    AS name, pg_relation_size(coalesce(i.indexrelid, t.oid)) AS bytes
FROM (
    SELECT inhrelid AS oid FROM pg_inherits
    WHERE inhparent = 'message_logs'::regclass
    ORDER BY pg_relation_size(inhrelid) DESC
    LIMIT 1
) t
LEFT JOIN LATERAL (SELECT indexrelid FROM pg_index WHERE indrelid = t.oid UNION ALL SELECT NULL) i ON true
ORDER BY bytes DESC
