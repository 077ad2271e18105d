-- The columns of a view or table, none when it does not exist, each with its type; a domain counts as what it is over.
SELECT attname::text,
    CASE WHEN typbasetype = 0 THEN format_type(atttypid, atttypmod) ELSE format_type(typbasetype, typtypmod) END
FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
WHERE attrelid = to_regclass(%(view)s) AND attnum > 0 AND NOT attisdropped
