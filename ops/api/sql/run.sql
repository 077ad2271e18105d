SELECT run_id, page_id, state, reason, recipients, outcomes, priority, taken_at, expires_at, finished_at
FROM runs
WHERE run_id = %(run_id)s
