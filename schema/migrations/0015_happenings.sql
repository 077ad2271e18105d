-- older programs may run
-- Beside what people did, what holds runs and nobody did: a rule paused a page, the source a run, the last sender stopped.
-- Of these at most the newest million are kept.
ALTER TABLE audit ADD COLUMN by_person boolean NOT NULL DEFAULT true;
CREATE INDEX audit_people ON audit (at) WHERE by_person;
CREATE INDEX audit_happenings ON audit (at) WHERE NOT by_person;

COMMENT ON COLUMN audit.by_person IS 'false: a rule (who: rule NAME), the source, the registry, senders';
