-- Whose run this is, and how it stands: a registered one, one that was submitted and not taken yet, or one that waits or is
-- never taken.
SELECT r.page_id, state, coalesce(n.reason, r.reason) AS reason
FROM runs r LEFT JOIN not_taken n USING (source, run_id)
WHERE run_id = %(run_id)s
UNION ALL
SELECT page_id, CASE status WHEN 'queued' THEN 'submitted' ELSE status END, NULL
FROM submitted_runs
WHERE run_id = %(run_id)s AND NOT EXISTS (SELECT FROM runs WHERE runs.run_id = submitted_runs.run_id)
UNION ALL
SELECT page_id, CASE kind WHEN 'waiting' THEN 'waiting' ELSE 'not_taken' END, reason
FROM not_taken
WHERE source = 'source' AND run_id = %(run_id)s AND NOT EXISTS (SELECT FROM runs WHERE runs.run_id = not_taken.run_id)
LIMIT 1
