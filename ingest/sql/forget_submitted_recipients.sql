-- Of runs whose whole family has ended: a retry, or its retry, chooses from the recipients of the first. One that was never
-- taken has ended when it was cancelled.
WITH family AS (
    SELECT run_id, coalesce(selection.root_run_id, run_id) AS root_run_id, submitted.status, submitted.updated_at
    FROM submitted_runs submitted LEFT JOIN submitted_selections selection USING (run_id)
), ended AS (
    SELECT family.root_run_id
    FROM family LEFT JOIN runs USING (run_id)
    GROUP BY family.root_run_id
    HAVING bool_and(CASE
        WHEN runs.run_id IS NULL THEN family.status = 'cancelled'
            AND family.updated_at < now() - make_interval(days => %(kept_days)s)
        ELSE runs.state IN ('finished', 'refused')
            AND coalesce(runs.finished_at, runs.taken_at) < now() - make_interval(days => %(kept_days)s)
    END)
), doomed AS (
    SELECT person.ctid
    FROM ended CROSS JOIN LATERAL (
        SELECT ctid FROM submitted_recipients WHERE run_id = ended.root_run_id
        LIMIT %(at_once)s
        FOR UPDATE SKIP LOCKED
    ) person
    LIMIT %(at_once)s
)
DELETE FROM submitted_recipients WHERE ctid = ANY (ARRAY(SELECT ctid FROM doomed))
