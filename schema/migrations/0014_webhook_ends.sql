-- older programs may run
-- Runs end as lists of them say it: one that was cancelled when nobody was left is cancelled, and not finished. What a
-- program notes that does not know `ended_as` is told by its outcomes, as before.
CREATE OR REPLACE FUNCTION run_webhook() RETURNS trigger LANGUAGE plpgsql AS $$
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
