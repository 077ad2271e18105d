-- The columns of a view or table, none when it does not exist, each with its type if that is no moment.
SELECT attname::text, CASE WHEN typcategory <> 'D' THEN format_type(atttypid, atttypmod) END
FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
WHERE attrelid = to_regclass(%(view)s) AND attnum > 0 AND NOT attisdropped
