-- Runs that wait or are never taken as they are, and those refused within a day; newest first.
SELECT run_id, kind, reason, since FROM not_taken
UNION ALL
SELECT run_id, 'refused', reason, finished_at FROM runs
WHERE state = 'refused' AND finished_at > now() - interval '1 day'
ORDER BY since DESC, run_id
