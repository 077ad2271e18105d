-- Runs that go on in another queue, and runs for those whom another run did not reach.
ALTER TABLE runs ADD COLUMN lost_at timestamptz, ADD COLUMN recovered_at timestamptz;

COMMENT ON COLUMN runs.lost_at IS 'when it was seen that the queue with its jobs was gone';
COMMENT ON COLUMN runs.recovered_at IS 'set: only recipients without a final outcome in the log are put into the queue';

-- The recipients of a submitted run that stand in another run: they are not copied but chosen page by page, when the
-- run is put into the queue, from the recipients of the root run and what the log says of them.
CREATE TABLE submitted_selections (
    run_id        text        PRIMARY KEY,
    parent_run_id text        NOT NULL,
    root_run_id   text        NOT NULL,
    root_source   text        NOT NULL CHECK (root_source IN ('source', 'submitted')),
    family        text[]      NOT NULL,
    classes       text[]      NOT NULL,
    outcomes      text[]      NOT NULL,
    logged_since  timestamptz NOT NULL
);
CREATE INDEX submitted_selections_root ON submitted_selections (root_run_id);

COMMENT ON COLUMN submitted_selections.parent_run_id IS 'who is chosen: those who ended in this run with these outcomes and classes';
COMMENT ON COLUMN submitted_selections.root_run_id IS 'the run that names the recipients and their variables';
COMMENT ON COLUMN submitted_selections.family IS 'every run of the root: who was sent to by one of them is not sent to again';
COMMENT ON COLUMN submitted_selections.logged_since IS 'no row of the family is older; spares old partitions';
