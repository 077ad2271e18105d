-- One row per attempt, a partition per day (UTC) that the ingest makes ahead and drops after the retention.
-- There is no default partition: with one, making a day's partition would have to lock and search it, and rows with
-- a nonsense date would gather there unseen. The ingest makes a missing day's partition itself or gives a reason.
CREATE TABLE message_logs (
    event_id      uuid        NOT NULL,
    run_id        text        NOT NULL,
    page_id       text        NOT NULL,
    recipient_id  text        NOT NULL,
    attempt       int         NOT NULL,
    outcome       text        NOT NULL,
    error_class   text,
    error_code    int,
    error_subcode int,
    error_message text,
    http_status   int,
    message_id    text,
    latency_ms    real,
    sender_id     text        NOT NULL,
    fbtrace_id    text,
    sent_at       timestamptz NOT NULL,
    ingested_at   timestamptz NOT NULL DEFAULT now(),
    -- the identity of an event; sent_at stands in it because a partitioned table wants its key column there
    UNIQUE (event_id, sent_at)
) PARTITION BY RANGE (sent_at);

CREATE INDEX message_logs_run ON message_logs (run_id);
CREATE INDEX message_logs_page ON message_logs (page_id, sent_at);
CREATE INDEX message_logs_recipient ON message_logs (recipient_id);
-- Only ever asked for one exact id, and long: a hash costs half of what a btree does on insertion.
CREATE INDEX message_logs_message ON message_logs USING hash (message_id) WHERE message_id IS NOT NULL;

COMMENT ON TABLE message_logs IS 'what happened to each attempt; outcome retrying is an attempt that another follows';
COMMENT ON COLUMN message_logs.sent_at IS 'Redis time of the mark; of the settlement when nothing was sent';

-- What stood in the topic and could not become a row.
CREATE TABLE message_log_dead_letters (
    cluster_id  text        NOT NULL,
    topic       text        NOT NULL,
    partition   int         NOT NULL,
    "offset"    bigint      NOT NULL,
    raw         bytea       NOT NULL,
    reason      text        NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cluster_id, topic, partition, "offset")
);
CREATE INDEX message_log_dead_letters_received ON message_log_dead_letters (received_at);

-- How far the topic has become rows; moves in the same transaction as they do, from the value read to the new one.
-- Keyed by the broker's cluster id, so that a broker that was set up anew is read from its beginning.
CREATE TABLE ingest_offsets (
    cluster_id  text        NOT NULL,
    topic       text        NOT NULL,
    partition   int         NOT NULL,
    next_offset bigint      NOT NULL CHECK (next_offset >= 0),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cluster_id, topic, partition)
) WITH (fillfactor = 50); -- updated at every write: room for the new version on the same page
