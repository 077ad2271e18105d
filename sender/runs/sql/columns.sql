-- The columns of a view or table, none when it does not exist.
SELECT attname::text FROM pg_attribute
WHERE attrelid = to_regclass(%(view)s) AND attnum > 0 AND NOT attisdropped
