-- Steers a submitted run by its row, as a source steers its own; returns it when that changed something. One that was
-- taken is steered in the queue, except that a row may always be set back to queued. The queue's script has noted the act
-- of a run that was taken; here it is noted for the others.
WITH changed AS (
    UPDATE submitted_runs SET status = %(status)s, updated_at = now()
    WHERE run_id = %(run_id)s AND status = ANY(%(from)s)
        AND (%(status)s = 'queued' OR NOT EXISTS (SELECT FROM runs WHERE runs.run_id = submitted_runs.run_id))
    RETURNING run_id
), noted AS (
    INSERT INTO audit (who, what, target, detail)
    SELECT %(who)s, %(what)s, run_id, 'before it was taken' FROM changed
    WHERE NOT EXISTS (SELECT FROM runs WHERE runs.run_id = changed.run_id)
)
SELECT run_id FROM changed
