-- As newest_runs.sql, of one run.
SELECT run_id, r.page_id, state, coalesce(n.reason, r.reason) AS reason, recipients, outcomes, priority, taken_at,
    expires_at, finished_at
FROM runs r LEFT JOIN not_taken n USING (source, run_id)
WHERE run_id = %(run_id)s
UNION ALL
SELECT run_id, page_id, CASE kind WHEN 'waiting' THEN 'waiting' ELSE 'not_taken' END, reason, 0, '{}', 0, since, NULL, NULL
FROM not_taken n
WHERE run_id = %(run_id)s AND NOT EXISTS (SELECT FROM runs WHERE runs.run_id = n.run_id)
LIMIT 1
