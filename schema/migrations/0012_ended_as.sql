-- older programs may run
-- How runs ended, which are due later, and lists of runs of any length.

ALTER TABLE runs ADD COLUMN ended_as text CHECK (ended_as IN ('complete', 'cancelled', 'expired'));
UPDATE runs SET ended_as = 'cancelled' WHERE state = 'finished' AND (outcomes ->> 'cancelled')::bigint > 0;

COMMENT ON COLUMN runs.ended_as IS
    'how it ended, or begins to end: as soon as it is known; NULL: not yet, or noted by a program that does not know this';

-- Lists are read from their newest end. `coalesce(nullif(ended_as, 'complete'), state)` is what lists are asked for.
CREATE INDEX runs_listed ON runs (taken_at DESC, run_id COLLATE "C" DESC);
CREATE INDEX runs_listed_of_page ON runs (page_id, taken_at DESC, run_id COLLATE "C" DESC);
CREATE INDEX runs_listed_as ON runs (coalesce(nullif(ended_as, 'complete'), state), taken_at DESC, run_id COLLATE "C" DESC);
CREATE INDEX runs_by_id ON runs (run_id COLLATE "C");

-- Submitted runs stay where they are when they were taken: those that were not have an index of their own.
ALTER TABLE submitted_runs ADD COLUMN taken boolean NOT NULL DEFAULT false, ADD COLUMN recipient_count bigint;
UPDATE submitted_runs SET taken = true FROM runs WHERE runs.run_id = submitted_runs.run_id;
CREATE INDEX submitted_runs_not_taken ON submitted_runs (created_at DESC, run_id COLLATE "C" DESC) WHERE NOT taken;

COMMENT ON COLUMN submitted_runs.taken IS 'whether the registry knows it; set by a trigger there';
COMMENT ON COLUMN submitted_runs.recipient_count IS 'its rows in submitted_recipients; NULL: not counted, or they stand in another run';

CREATE FUNCTION submitted_run_is_taken() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE submitted_runs SET taken = true WHERE run_id = NEW.run_id AND NOT taken;
    RETURN NULL;
END
$$;
CREATE TRIGGER taken AFTER INSERT ON runs FOR EACH ROW EXECUTE FUNCTION submitted_run_is_taken();

-- Runs of the source that are due later: the next thousand, and how many there are beyond these. The run processor replaces
-- what stands here when a look has found something else.
CREATE TABLE scheduled_runs (
    run_id       text        PRIMARY KEY,
    page_id      text        NOT NULL,
    scheduled_at timestamptz NOT NULL
);
CREATE TABLE scheduled_beyond (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    runs     bigint  NOT NULL
);
