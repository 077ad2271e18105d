-- Where the log stands: its days, those on their way out, and how far the ingest has come.
WITH days AS (
    SELECT inhrelid::regclass::text AS name, inhdetachpending AS going
    FROM pg_inherits WHERE inhparent = 'message_logs'::regclass
)
SELECT (
        SELECT array_agg(name ORDER BY name) FROM days WHERE going
    ) AS going,
    (SELECT max(substring(name FROM '\d{8}$')) FROM days WHERE NOT going) AS last_day,
    to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD') AS today,
    to_char(now() AT TIME ZONE 'UTC' + interval '1 day', 'YYYYMMDD') AS tomorrow,
    (SELECT count(*) FROM ingest_offsets) AS partitions_begun,
    (SELECT extract(epoch FROM now() - max(updated_at)) FROM ingest_offsets)::float8 AS written_s_ago,
    (SELECT count(*) FROM dropped_days) AS days_dropped,
    (SELECT max(day)::text FROM dropped_days) AS last_dropped
