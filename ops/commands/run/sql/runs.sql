-- Registered runs, submitted ones that were not taken yet, and those that wait or are never taken, with the reason;
-- newest first. run_id NULL: all of them.
SELECT run_id, r.page_id, source, state, coalesce(n.reason, r.reason) AS reason, recipients, outcomes, priority,
    parent_run_id, scheduled_at, expires_at, taken_at, finished_at
FROM runs r LEFT JOIN not_taken n USING (source, run_id)
WHERE %(run_id)s::text IS NULL OR run_id = %(run_id)s
UNION ALL
SELECT run_id, page_id, 'submitted', CASE status WHEN 'queued' THEN 'submitted' ELSE status END, NULL,
    (SELECT count(*) FROM submitted_recipients r WHERE r.run_id = s.run_id), '{}', coalesce(priority, 0), parent_run_id,
    scheduled_at, expires_at, created_at, NULL
FROM submitted_runs s
WHERE (%(run_id)s::text IS NULL OR run_id = %(run_id)s) AND NOT EXISTS (SELECT FROM runs WHERE runs.run_id = s.run_id)
UNION ALL
SELECT run_id, page_id, source, CASE kind WHEN 'waiting' THEN 'waiting' ELSE 'not_taken' END, reason, 0, '{}', 0, NULL,
    NULL, NULL, since, NULL
FROM not_taken n
WHERE source = 'source' AND (%(run_id)s::text IS NULL OR run_id = %(run_id)s)
    AND NOT EXISTS (SELECT FROM runs WHERE runs.run_id = n.run_id)
ORDER BY taken_at DESC, run_id
LIMIT %(limit)s
