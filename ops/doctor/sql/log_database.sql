SELECT current_setting('server_version_num')::int AS version_num, current_setting('server_version') AS version,
    extract(epoch FROM clock_timestamp())::float8 AS now_s, pg_is_in_recovery() AS standby,
    current_setting('default_transaction_read_only')::bool AS read_only, current_setting('server_encoding') AS encoding,
    current_setting('fsync')::bool AS fsync, current_setting('full_page_writes')::bool AS full_page_writes,
    current_setting('synchronous_commit') <> 'off' AS synchronous, current_setting('autovacuum')::bool AS autovacuum,
    has_schema_privilege(current_schema(), 'CREATE') AS may_create, quote_ident(current_user) AS login,
    (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('message_logs')) AS owns_log,
    -- those without a unit are milliseconds: what pg_settings shows of them
    (
        SELECT json_object_agg(name, setting::bigint) FROM pg_settings
        WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')
    ) AS timeouts_ms,
    (
        SELECT sum(setting::int) FILTER (WHERE name = 'max_connections')
            - coalesce(sum(setting::int) FILTER (WHERE name <> 'max_connections'), 0)
        FROM pg_settings WHERE name IN ('max_connections', 'superuser_reserved_connections', 'reserved_connections')
    )::int - (SELECT sum(numbackends) FROM pg_stat_database)::int AS connections_left,
    (
        SELECT CASE WHEN rolconnlimit >= 0 THEN rolconnlimit - (
            SELECT count(*) FROM pg_stat_activity WHERE usesysid = pg_roles.oid
        ) END FROM pg_roles WHERE rolname = current_user
    )::int AS login_connections_left,
    (
        SELECT CASE WHEN datconnlimit >= 0 THEN datconnlimit - (
            SELECT numbackends FROM pg_stat_database WHERE datid = pg_database.oid
        ) END FROM pg_database WHERE datname = current_database()
    )::int AS database_connections_left,
    (SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()) AS oldest_age,
    pg_database_size(current_database()) AS bytes
