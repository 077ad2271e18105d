-- What people did, and to what. An act is noted in Redis by its own script, so that it can be done while this database is
-- away, and carried here by the run processor. Kept for 400 days.
CREATE TABLE audit (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    who         text        NOT NULL,
    what        text        NOT NULL,
    target      text        NOT NULL,
    detail      text        NOT NULL DEFAULT '',
    queue_epoch text,
    stream_id   text,
    UNIQUE (queue_epoch, stream_id) -- an entry that is carried twice is one row
);
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_target ON audit (target, at);

COMMENT ON COLUMN audit.what IS 'mostly the words of the command: run pause, limits set';
COMMENT ON COLUMN audit.stream_id IS 'the entry in Redis; NULL: the act was done in this database alone';
