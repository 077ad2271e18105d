-- Runs given by hand (newar run submit, newar run retry), with the columns of the source views newar_runs and
-- newar_recipients, so that the run processor reads both alike.
CREATE TABLE submitted_runs (
    run_id            text        PRIMARY KEY,
    page_id           text        NOT NULL,
    page_access_token text,
    message           jsonb       NOT NULL,
    messaging_type    text,
    tag               text,
    notification_type text,
    status            text        NOT NULL DEFAULT 'queued',
    scheduled_at      timestamptz,
    expires_at        timestamptz,
    send_window       text,
    priority          int,
    on_unknown        text,
    updated_at        timestamptz NOT NULL DEFAULT now(),
    parent_run_id     text,
    created_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX submitted_runs_updated ON submitted_runs (updated_at);

COMMENT ON COLUMN submitted_runs.page_access_token IS 'encrypted with TOKEN_ENCRYPTION_KEY';

-- No foreign key and no unique key: a file of a million lines comes in by one COPY, and duplicates, which are
-- neighbours in key order, collapse when the run is taken.
CREATE TABLE submitted_recipients (
    run_id              text NOT NULL,
    recipient_id        text NOT NULL,
    variables           jsonb,
    last_interaction_at timestamptz
);
CREATE INDEX submitted_recipients_page ON submitted_recipients (run_id, recipient_id COLLATE "C");
