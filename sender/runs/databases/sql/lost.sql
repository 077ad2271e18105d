-- Returns the runs that were not held yet. A run recovered in the meantime has another epoch and stays as it is.
WITH lost AS (
    UPDATE runs SET state = 'queue_lost', reason = %(reason)s, lost_at = clock_timestamp()
    FROM unnest(%(run_ids)s::text[], %(epochs)s::text[]) AS gone (run_id, queue_epoch)
    WHERE runs.run_id = gone.run_id AND runs.queue_epoch IS NOT DISTINCT FROM gone.queue_epoch
        AND runs.state NOT IN ('finished', 'refused', 'queue_lost')
    RETURNING runs.run_id
), noted AS (
    INSERT INTO audit (who, what, target, by_person) SELECT 'run processor', 'run queue lost', run_id, false FROM lost
)
SELECT run_id FROM lost
