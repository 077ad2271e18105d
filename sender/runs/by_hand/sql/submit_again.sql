-- Makes room for a run that was refused, so that nobody was written to, and is submitted again under its own id.
WITH refused AS (
    DELETE FROM runs
    WHERE run_id = %(run_id)s AND state = 'refused' AND source = 'submitted' AND parent_run_id IS NULL
    RETURNING run_id
), row AS (
    DELETE FROM submitted_runs USING refused WHERE submitted_runs.run_id = refused.run_id
)
DELETE FROM submitted_recipients USING refused WHERE submitted_recipients.run_id = refused.run_id
