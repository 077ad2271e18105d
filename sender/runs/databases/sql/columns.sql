-- The columns of a view or table, none when it does not exist, each with its type unless that is a moment with its zone.
SELECT attname::text,
    CASE WHEN coalesce(nullif(typbasetype, 0), atttypid) <> 'timestamptz'::regtype
        THEN format_type(atttypid, atttypmod) END
FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
WHERE attrelid = to_regclass(%(view)s) AND attnum > 0 AND NOT attisdropped
