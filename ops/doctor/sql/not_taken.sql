-- Runs that wait or are never taken as they are, and those refused within a day; newest first.
SELECT run_id, kind, reason FROM not_taken
UNION ALL
SELECT run_id, 'refused', reason FROM runs WHERE state = 'refused' AND finished_at > now() - interval '1 day'
ORDER BY run_id
