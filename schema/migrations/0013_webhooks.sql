-- older programs may run
-- News of runs for the platform that submitted them: noted in the transaction that makes them true, whoever makes it, and
-- sent from here by the run processors (RUN_WEBHOOK_URL). What was sent is deleted.
CREATE TABLE run_webhooks (
    number      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          uuid        NOT NULL DEFAULT gen_random_uuid(),
    run_id      text        NOT NULL,
    page_id     text        NOT NULL,
    event       text        NOT NULL,
    status      text        NOT NULL,
    recipients  bigint,
    outcomes    jsonb,
    at          timestamptz NOT NULL DEFAULT now(),
    tries       int         NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL DEFAULT now(),
    given_up_at timestamptz
);
CREATE INDEX run_webhooks_due ON run_webhooks (next_try_at) WHERE given_up_at IS NULL;
CREATE INDEX run_webhooks_run ON run_webhooks (run_id, number) WHERE given_up_at IS NULL;

COMMENT ON COLUMN run_webhooks.number IS 'of one run, in the order of what happened: its changes wait for each other';
COMMENT ON COLUMN run_webhooks.recipients IS 'and outcomes: NULL where they are not known yet';
COMMENT ON COLUMN run_webhooks.next_try_at IS 'also how long whoever tries now has it for themselves';

-- Runs end as lists of them say it: one that was cancelled when nobody was left is cancelled, and not finished. What a
-- program notes that does not know `ended_as` is told by its outcomes.
CREATE FUNCTION run_webhook() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before text := CASE WHEN TG_OP = 'UPDATE' THEN OLD.state END;
    ended text := coalesce(NEW.ended_as, CASE
        WHEN (NEW.outcomes ->> 'cancelled')::bigint > 0 THEN 'cancelled'
        WHEN (NEW.outcomes ->> 'expired')::bigint > 0 THEN 'expired'
    END);
    event text := CASE
        WHEN NEW.state IS NOT DISTINCT FROM before THEN NULL
        WHEN NEW.state = 'finished' AND ended IN ('cancelled', 'expired') THEN 'run.' || ended
        WHEN NEW.state IN ('finished', 'refused', 'queue_lost') THEN 'run.' || NEW.state
    END;
BEGIN
    IF event IS NULL AND TG_OP = 'UPDATE' AND NEW.brake_rule IS NOT NULL AND OLD.brake_rule IS NULL THEN
        event := 'run.braked';
    END IF;
    IF event IS NOT NULL THEN
        INSERT INTO run_webhooks (run_id, page_id, event, status, recipients, outcomes)
        VALUES (NEW.run_id, NEW.page_id, event,
            CASE WHEN event IN ('run.braked', 'run.queue_lost') THEN 'waiting' ELSE substr(event, 5) END,
            CASE WHEN NEW.enqueued_at IS NOT NULL OR NEW.state = 'refused' THEN NEW.recipients END,
            CASE WHEN NEW.state IN ('finished', 'refused') THEN NEW.outcomes END);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER run_webhook AFTER INSERT OR UPDATE OF state, brake_rule ON runs
    FOR EACH ROW EXECUTE FUNCTION run_webhook();
