-- The newest runs, also those that were not taken: why, stands with them.
(SELECT run_id, r.page_id, state, coalesce(n.reason, r.reason) AS reason, recipients, outcomes, priority, taken_at,
    expires_at, finished_at
FROM runs r LEFT JOIN not_taken n USING (source, run_id)
ORDER BY taken_at DESC
LIMIT %(limit)s)
UNION ALL
(SELECT run_id, page_id, CASE kind WHEN 'waiting' THEN 'waiting' ELSE 'not_taken' END, reason, 0, '{}', 0, since, NULL, NULL
FROM not_taken n
WHERE NOT EXISTS (SELECT FROM runs WHERE runs.run_id = n.run_id)
ORDER BY since DESC
LIMIT %(limit)s)
ORDER BY taken_at DESC
LIMIT %(limit)s
