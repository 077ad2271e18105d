-- The log answers by index, remembers figures beyond its days, and tells one life of the topic from another.

-- Where the topic stands: a topic that was made again under its name has another id and begins at offset 0. '' in rows
-- of the former release, which did not ask for it; the ingest fills it in.
ALTER TABLE ingest_offsets ADD COLUMN topic_id text NOT NULL DEFAULT '';
ALTER TABLE ingest_offsets DROP CONSTRAINT ingest_offsets_pkey,
    ADD PRIMARY KEY (cluster_id, topic, topic_id, partition);
ALTER TABLE message_log_dead_letters ADD COLUMN topic_id text NOT NULL DEFAULT '';
ALTER TABLE message_log_dead_letters DROP CONSTRAINT message_log_dead_letters_pkey,
    ADD PRIMARY KEY (cluster_id, topic, topic_id, partition, "offset");

-- The moment first: events come in nearly in its order, so that insertions stay at the end of the index.
ALTER TABLE message_logs DROP CONSTRAINT message_logs_event_id_sent_at_key,
    ADD CONSTRAINT message_logs_event UNIQUE (sent_at, event_id);

-- Each question to the log has an index that ends in the moment, so that a page of answers is read from its newest row;
-- but for recipients, of whom a day has few rows: with the moment that index is three times as large, and as slow.
-- A run is read for each outcome and class that run_figures has of it: one index for all that is asked of a run.
DROP INDEX message_logs_run;
CREATE INDEX message_logs_run ON message_logs (run_id, outcome, error_class, sent_at, error_code);
-- Of those who were not reached. Few rows, as a rule, so that these cost little.
CREATE INDEX message_logs_failure ON message_logs (sent_at) WHERE outcome NOT IN ('sent', 'retrying');
CREATE INDEX message_logs_failure_page ON message_logs (page_id, sent_at, error_code)
    WHERE outcome NOT IN ('sent', 'retrying');
CREATE INDEX message_logs_failure_run ON message_logs (run_id, sent_at, error_code)
    WHERE outcome NOT IN ('sent', 'retrying');
CREATE INDEX message_logs_failure_code ON message_logs (error_code, sent_at)
    WHERE outcome NOT IN ('sent', 'retrying') AND error_code IS NOT NULL;

-- What the log's rows add up to, kept in the transactions that insert them. Rows may be gone: then these are the memory.
CREATE TABLE run_figures (
    run_id      text        NOT NULL,
    outcome     text        NOT NULL,
    error_class text        NOT NULL DEFAULT '',
    messages    bigint      NOT NULL,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    PRIMARY KEY (run_id, outcome, error_class)
) WITH (fillfactor = 50); -- updated at every write: room for the new version on the same page

CREATE TABLE page_figures (
    page_id   text        NOT NULL,
    step_s    int         NOT NULL CHECK (step_s IN (60, 3600)),
    at        timestamptz NOT NULL,
    outcome   text        NOT NULL,
    messages  bigint      NOT NULL,
    latencies bigint[]    NOT NULL,
    PRIMARY KEY (page_id, step_s, at, outcome)
) WITH (fillfactor = 70);
CREATE INDEX page_figures_at ON page_figures (step_s, at);

COMMENT ON COLUMN run_figures.messages IS 'rows of the log, one an attempt: final outcomes count recipients';
COMMENT ON COLUMN run_figures.error_class IS 'empty: none';
COMMENT ON COLUMN page_figures.step_s IS '60: the minute that begins at `at`; 3600: the hour, into which minutes are folded after a day';
COMMENT ON COLUMN page_figures.latencies IS
    'of the rows with a latency, 24 counts: below 25 ms, below 35, … each edge √2 times the one before; the last is open';

CREATE FUNCTION latency_bucket(ms real) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT width_bucket(ms::float8, ARRAY[
        25, 35, 50, 71, 100, 141, 200, 283, 400, 566, 800, 1131, 1600, 2263, 3200, 4525, 6400, 9051, 12800, 18102,
        25600, 36204, 51200
    ]::float8[])
$$;

CREATE FUNCTION add_latencies(a bigint[], b bigint[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY[
        a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4], a[5] + b[5], a[6] + b[6], a[7] + b[7], a[8] + b[8],
        a[9] + b[9], a[10] + b[10], a[11] + b[11], a[12] + b[12], a[13] + b[13], a[14] + b[14], a[15] + b[15],
        a[16] + b[16], a[17] + b[17], a[18] + b[18], a[19] + b[19], a[20] + b[20], a[21] + b[21], a[22] + b[22],
        a[23] + b[23], a[24] + b[24]
    ]
$$;

-- Days whose rows were dropped: what still comes in of them has been counted and must not come in again.
CREATE TABLE dropped_days (
    day        date        PRIMARY KEY,
    dropped_at timestamptz NOT NULL DEFAULT now()
);

-- What the log holds already. The tables above are locked by what was changed in them, so that no row is missed.
INSERT INTO run_figures
SELECT run_id, outcome, coalesce(error_class, ''), count(*), min(sent_at), max(sent_at)
FROM message_logs
GROUP BY 1, 2, 3;

INSERT INTO page_figures
SELECT page_id, step_s, at, outcome, sum(n), array_replace(ARRAY[
            sum(n) FILTER (WHERE bucket = 0), sum(n) FILTER (WHERE bucket = 1), sum(n) FILTER (WHERE bucket = 2),
            sum(n) FILTER (WHERE bucket = 3), sum(n) FILTER (WHERE bucket = 4), sum(n) FILTER (WHERE bucket = 5),
            sum(n) FILTER (WHERE bucket = 6), sum(n) FILTER (WHERE bucket = 7), sum(n) FILTER (WHERE bucket = 8),
            sum(n) FILTER (WHERE bucket = 9), sum(n) FILTER (WHERE bucket = 10), sum(n) FILTER (WHERE bucket = 11),
            sum(n) FILTER (WHERE bucket = 12), sum(n) FILTER (WHERE bucket = 13), sum(n) FILTER (WHERE bucket = 14),
            sum(n) FILTER (WHERE bucket = 15), sum(n) FILTER (WHERE bucket = 16), sum(n) FILTER (WHERE bucket = 17),
            sum(n) FILTER (WHERE bucket = 18), sum(n) FILTER (WHERE bucket = 19), sum(n) FILTER (WHERE bucket = 20),
            sum(n) FILTER (WHERE bucket = 21), sum(n) FILTER (WHERE bucket = 22), sum(n) FILTER (WHERE bucket = 23)
        ]::bigint[], NULL, 0)
FROM (
    SELECT page_id, step_s, date_trunc(CASE step_s WHEN 60 THEN 'minute' ELSE 'hour' END, sent_at, 'UTC') AS at, outcome,
        latency_bucket(latency_ms) AS bucket, count(*) AS n
    FROM message_logs
    CROSS JOIN LATERAL (VALUES (CASE WHEN sent_at < now() - interval '1 day' THEN 3600 ELSE 60 END)) step (step_s)
    GROUP BY 1, 2, 3, 4, 5
) buckets
GROUP BY 1, 2, 3, 4;

-- An ingest of a former release would add rows that no figure counts: it waits, and loses nothing, until it is replaced.
CREATE FUNCTION refuse_former_ingest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE 'this ingest keeps no figures: replace it by one of the current release (it loses nothing meanwhile)'
        USING HINT = 'by hand: SELECT set_config(''newar.keeps_figures'', ''yes'', true) in the same transaction';
END
$$;
CREATE TRIGGER former_ingest BEFORE UPDATE OF next_offset ON ingest_offsets FOR EACH ROW
    WHEN (current_setting('newar.keeps_figures', true) IS DISTINCT FROM 'yes')
    EXECUTE FUNCTION refuse_former_ingest();

-- People who were removed from everywhere. Until the topic has forgotten their events, these may come in again: the ingest
-- removes them again every hour, a replay leaves them out, and then this entry goes too.
CREATE TABLE erasures (
    recipient_id text        COLLATE "C" NOT NULL CHECK (recipient_id <> ''),
    page_id      text        COLLATE "C" NOT NULL,
    erased_at    timestamptz NOT NULL DEFAULT now(),
    until        timestamptz,
    PRIMARY KEY (recipient_id, page_id)
);

COMMENT ON COLUMN erasures.page_id IS 'empty: of every page';
COMMENT ON COLUMN erasures.until IS 'NULL: the topic never forgets';
