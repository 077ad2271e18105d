-- older programs may run
-- Pages and what they are called, for people: Redis, which is asked for all else of pages, may be emptied.
CREATE TABLE known_pages (
    page_id  text    COLLATE "C" PRIMARY KEY,
    name     text,
    ever_ran boolean NOT NULL DEFAULT false
);

COMMENT ON COLUMN known_pages.name IS 'as the source says it, noted by the run processor; NULL: it says none';
COMMENT ON COLUMN known_pages.ever_ran IS 'whether it ever had a run that was taken; set by a trigger of the registry';

INSERT INTO known_pages (page_id, ever_ran) SELECT DISTINCT page_id, true FROM runs WHERE state <> 'refused';

CREATE FUNCTION page_has_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO known_pages AS known (page_id, ever_ran) VALUES (NEW.page_id, true)
    ON CONFLICT (page_id) DO UPDATE SET ever_ran = true WHERE NOT known.ever_ran;
    RETURN NULL;
END
$$;
CREATE TRIGGER page_has_run AFTER INSERT ON runs FOR EACH ROW
    WHEN (NEW.state <> 'refused') EXECUTE FUNCTION page_has_run();
CREATE TRIGGER page_has_run_after_all AFTER UPDATE OF state ON runs FOR EACH ROW
    WHEN (OLD.state = 'refused' AND NEW.state <> 'refused') EXECUTE FUNCTION page_has_run();
