-- Which refused runs are taken under their own id once they are mended. Not those that a former release refused: it told to
-- give them a new id, under which they may have been sent since. Nor submitted ones, which are submitted anew.
ALTER TABLE runs ADD COLUMN refused_for_now boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN runs.refused_for_now IS 'a refused run that is taken under its own id once it is mended; no sense in other states';
