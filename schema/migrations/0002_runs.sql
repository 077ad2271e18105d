-- The run registry: what was taken and what was finished must not live in Redis alone.
CREATE TABLE runs (
    run_id            text        PRIMARY KEY,
    page_id           text        NOT NULL,
    source            text        NOT NULL CHECK (source IN ('source', 'submitted')),
    state             text        NOT NULL CHECK (state IN (
        'enqueuing', 'active', 'paused', 'cancelled', 'expired', 'finished', 'refused', 'queue_lost')),
    reason            text,
    recipients        bigint      NOT NULL DEFAULT 0,
    outcomes          jsonb       NOT NULL DEFAULT '{}',
    queue_epoch       text,
    parent_run_id     text,
    message           jsonb,
    messaging_type    text,
    tag               text,
    notification_type text,
    priority          int         NOT NULL DEFAULT 0,
    on_unknown        text        NOT NULL DEFAULT 'hold',
    scheduled_at      timestamptz,
    expires_at        timestamptz,
    taken_at          timestamptz NOT NULL DEFAULT now(),
    enqueued_at       timestamptz,
    finished_at       timestamptz
);
CREATE INDEX runs_taken ON runs (taken_at DESC);
CREATE INDEX runs_unfinished ON runs (state) WHERE state NOT IN ('finished', 'refused');
CREATE INDEX runs_parent ON runs (parent_run_id) WHERE parent_run_id IS NOT NULL;

COMMENT ON COLUMN runs.recipients IS 'recipients enumerated so far, duplicates of one recipient counted once';
COMMENT ON COLUMN runs.outcomes IS 'final outcome -> count, written when the run is finished';
COMMENT ON COLUMN runs.queue_epoch IS 'the random epoch of the Redis that holds the jobs';
COMMENT ON COLUMN runs.message IS 'as the source gave it, with its {{variables}}';
