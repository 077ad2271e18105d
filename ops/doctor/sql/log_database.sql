SELECT current_setting('server_version_num')::int AS version_num, current_setting('server_version') AS version,
    extract(epoch FROM clock_timestamp())::float8 AS now_s, pg_is_in_recovery() AS standby,
    current_setting('fsync') = 'on' AS fsync, current_setting('synchronous_commit') <> 'off' AS synchronous,
    has_schema_privilege(current_schema(), 'CREATE') AS may_create,
    (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('message_logs')) AS owns_log
