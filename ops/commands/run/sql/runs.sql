-- Registered runs, and submitted ones that were not taken yet; newest first. run_id NULL: all of them.
SELECT run_id, page_id, source, state, reason, recipients, outcomes, priority, parent_run_id,
    scheduled_at, expires_at, taken_at, finished_at
FROM runs
WHERE %(run_id)s::text IS NULL OR run_id = %(run_id)s
UNION ALL
SELECT run_id, page_id, 'submitted', CASE status WHEN 'queued' THEN 'submitted' ELSE status END, NULL,
    (SELECT count(*) FROM submitted_recipients r WHERE r.run_id = s.run_id), '{}', coalesce(priority, 0), parent_run_id,
    scheduled_at, expires_at, created_at, NULL
FROM submitted_runs s
WHERE (%(run_id)s::text IS NULL OR run_id = %(run_id)s) AND NOT EXISTS (SELECT FROM runs WHERE runs.run_id = s.run_id)
ORDER BY taken_at DESC, run_id
LIMIT %(limit)s
