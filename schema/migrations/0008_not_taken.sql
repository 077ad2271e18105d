-- Runs that the source asks to send and that were not taken: those that wait for their recipients, and those that never
-- will be. The run processor replaces what stands here of its source with every look.
CREATE TABLE not_taken (
    source  text        NOT NULL CHECK (source IN ('source', 'submitted')),
    run_id  text        NOT NULL,
    page_id text        NOT NULL,
    kind    text        NOT NULL CHECK (kind IN ('waiting', 'spent', 'word')),
    reason  text        NOT NULL,
    since   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, run_id)
);

COMMENT ON COLUMN not_taken.kind IS 'waiting: its recipients cannot be seen; spent: its id was used before; word: its status is no known word';

ALTER TABLE runs ADD COLUMN recipients_expected bigint;

COMMENT ON COLUMN runs.recipients_expected IS 'rows that the source said the run has, duplicates included; NULL: it did not say';

-- Which refused runs are taken under their own id once they are mended. Not those that a former release refused: it told to
-- give them a new id, under which they may have been sent since. Nor submitted ones, which are submitted anew.
ALTER TABLE runs ADD COLUMN refused_for_now boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN runs.refused_for_now IS 'a refused run that is taken under its own id once it is mended; no sense in other states';
