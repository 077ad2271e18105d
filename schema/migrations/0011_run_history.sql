-- For graphs: the figures of pages tell runs and error classes apart, and all pages together have figures of their own.

-- An ingest of a former release has no statement that fits the new key: the database refuses its batches, which it says,
-- and it waits and loses nothing until it is replaced.
ALTER TABLE page_figures ADD COLUMN run_id text NOT NULL DEFAULT '', ADD COLUMN error_class text NOT NULL DEFAULT '';
ALTER TABLE page_figures DROP CONSTRAINT page_figures_pkey,
    ADD PRIMARY KEY (page_id, step_s, at, run_id, outcome, error_class);
COMMENT ON COLUMN page_figures.run_id IS 'empty: of days that were dropped before runs were told apart';
COMMENT ON COLUMN page_figures.error_class IS 'empty: none';

-- All pages together: else a graph of ten thousand of them would read fourteen million minutes.
CREATE TABLE log_figures (
    share       int         NOT NULL,
    step_s      int         NOT NULL CHECK (step_s IN (60, 3600)),
    at          timestamptz NOT NULL,
    outcome     text        NOT NULL,
    error_class text        NOT NULL DEFAULT '',
    messages    bigint      NOT NULL,
    latencies   bigint[]    NOT NULL,
    PRIMARY KEY (step_s, at, share, outcome, error_class)
) WITH (fillfactor = 50); -- updated at every write: room for the new version on the same page

COMMENT ON TABLE log_figures IS 'as page_figures, of all pages; what belongs together is added up by whoever reads';
COMMENT ON COLUMN log_figures.share IS
    'a partition of the topic that its writer had for itself: two ingests never wait for one row';

-- Of what the log still holds, made anew from its rows.
DELETE FROM page_figures WHERE at >= (SELECT date_trunc('day', min(sent_at), 'UTC') FROM message_logs);
INSERT INTO page_figures (page_id, step_s, at, outcome, messages, latencies, run_id, error_class)
SELECT page_id, step_s, at, outcome, sum(n), array_replace(ARRAY[
            sum(n) FILTER (WHERE bucket = 0), sum(n) FILTER (WHERE bucket = 1), sum(n) FILTER (WHERE bucket = 2),
            sum(n) FILTER (WHERE bucket = 3), sum(n) FILTER (WHERE bucket = 4), sum(n) FILTER (WHERE bucket = 5),
            sum(n) FILTER (WHERE bucket = 6), sum(n) FILTER (WHERE bucket = 7), sum(n) FILTER (WHERE bucket = 8),
            sum(n) FILTER (WHERE bucket = 9), sum(n) FILTER (WHERE bucket = 10), sum(n) FILTER (WHERE bucket = 11),
            sum(n) FILTER (WHERE bucket = 12), sum(n) FILTER (WHERE bucket = 13), sum(n) FILTER (WHERE bucket = 14),
            sum(n) FILTER (WHERE bucket = 15), sum(n) FILTER (WHERE bucket = 16), sum(n) FILTER (WHERE bucket = 17),
            sum(n) FILTER (WHERE bucket = 18), sum(n) FILTER (WHERE bucket = 19), sum(n) FILTER (WHERE bucket = 20),
            sum(n) FILTER (WHERE bucket = 21), sum(n) FILTER (WHERE bucket = 22), sum(n) FILTER (WHERE bucket = 23)
        ]::bigint[], NULL, 0), run_id, error_class
FROM (
    SELECT page_id, step_s, date_trunc(CASE step_s WHEN 60 THEN 'minute' ELSE 'hour' END, sent_at, 'UTC') AS at, outcome,
        run_id, coalesce(error_class, '') AS error_class, latency_bucket(latency_ms) AS bucket, count(*) AS n
    FROM message_logs
    CROSS JOIN LATERAL (VALUES (CASE WHEN sent_at < now() - interval '1 day' THEN 3600 ELSE 60 END)) step (step_s)
    GROUP BY 1, 2, 3, 4, 5, 6, 7
) buckets
GROUP BY page_id, step_s, at, run_id, outcome, error_class;

INSERT INTO log_figures
SELECT 0, step_s, at, outcome, error_class, sum(messages), ARRAY[
        sum(latencies[1]), sum(latencies[2]), sum(latencies[3]), sum(latencies[4]), sum(latencies[5]),
        sum(latencies[6]), sum(latencies[7]), sum(latencies[8]), sum(latencies[9]), sum(latencies[10]),
        sum(latencies[11]), sum(latencies[12]), sum(latencies[13]), sum(latencies[14]), sum(latencies[15]),
        sum(latencies[16]), sum(latencies[17]), sum(latencies[18]), sum(latencies[19]), sum(latencies[20]),
        sum(latencies[21]), sum(latencies[22]), sum(latencies[23]), sum(latencies[24])
    ]::bigint[]
FROM page_figures
GROUP BY step_s, at, outcome, error_class;
