-- The queue that these runs were taken into is there again, with their jobs. What is enqueued is noted by the next look.
WITH back AS (
    UPDATE runs SET state = 'enqueuing', reason = NULL
    WHERE run_id = ANY(%(run_ids)s) AND state = 'queue_lost' AND queue_epoch = %(queue_epoch)s
    RETURNING run_id
), noted AS (
    INSERT INTO audit (who, what, target, by_person) SELECT 'run processor', 'run queue back', run_id, false FROM back
)
SELECT run_id FROM back
