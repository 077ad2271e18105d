-- People whom later runs leave out: those of whom Meta said that they cannot be reached, and those whom somebody put on a
-- page's deny list. The columns compare as in the run processor's pages of recipients, byte by byte.
CREATE TABLE suppressions (
    page_id      text        COLLATE "C" NOT NULL CHECK (page_id <> ''),
    recipient_id text        COLLATE "C" NOT NULL CHECK (recipient_id <> ''),
    reason       text        COLLATE "C" NOT NULL CHECK (reason IN ('recipient_gone', 'denied')),
    since        timestamptz NOT NULL,
    run_id       text,
    by_whom      text        NOT NULL,
    note         text,
    lifted_at    timestamptz,
    PRIMARY KEY (page_id, recipient_id, reason)
);
CREATE INDEX suppressions_recipient ON suppressions (recipient_id);
CREATE INDEX suppressions_reason ON suppressions (reason, page_id, recipient_id);
CREATE INDEX suppressions_lifted ON suppressions (lifted_at) WHERE lifted_at IS NOT NULL;

COMMENT ON COLUMN suppressions.reason IS 'recipient_gone: as an answer said; denied: as a person said';
COMMENT ON COLUMN suppressions.since IS 'recipient_gone: sent_at of the newest row that says so';
COMMENT ON COLUMN suppressions.run_id IS 'recipient_gone: the run of that row';
COMMENT ON COLUMN suppressions.by_whom IS 'ingest, or who gave the command';
COMMENT ON COLUMN suppressions.lifted_at IS
    'a person lifted it, or a message arrived; counts while it is not before since, so that older rows change nothing';

ALTER TABLE runs ADD COLUMN brake_rule text;

COMMENT ON COLUMN runs.brake_rule IS
    'the rule that has braked the run, until a person resumes it; with recipients-gone the run suppresses nobody';
