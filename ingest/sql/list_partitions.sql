SELECT c.relname, greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = %(table)s::regclass
    AND NOT i.inhdetachpending AND NOT starts_with(coalesce(obj_description(c.oid, 'pg_class'), ''), %(mark)s)
ORDER BY c.relname
