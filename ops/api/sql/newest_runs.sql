SELECT run_id, page_id, state, reason, recipients, outcomes, priority, taken_at, expires_at, finished_at
FROM runs
ORDER BY taken_at DESC
LIMIT %(limit)s
