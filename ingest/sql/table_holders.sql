-- For whose end an exclusive lock of a table waits, and the last step of detaching it: that one waits also for every
-- snapshot of this database, for by an old one the table is still part of the log. Transactions of the last seconds are
-- left out, they end by themselves; so are vacuums (ShareUpdateExclusive): an automatic one gives way.
-- Of other logins only those with pg_read_all_stats see since when.
WITH holding AS (
    SELECT pid FROM pg_locks
    WHERE locktype = 'relation' AND relation = %(oid)s AND granted AND mode <> 'ShareUpdateExclusiveLock'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION
    SELECT pid FROM pg_stat_activity
    WHERE %(detaching)s AND backend_xmin IS NOT NULL AND datname = current_database() AND backend_type = 'client backend'
)
SELECT holding.pid, coalesce(application_name, ''), coalesce(usename, ''), xact_start
FROM holding LEFT JOIN pg_stat_activity USING (pid)
WHERE holding.pid IS DISTINCT FROM pg_backend_pid()
    AND coalesce(xact_start < clock_timestamp() - interval '2 seconds', true)
ORDER BY xact_start NULLS LAST
