-- How many of a run's recipients are chosen, and how many final outcomes the log has of it.
SELECT count(*) FILTER (WHERE outcome = ANY(%(outcomes)s) AND error_class = ANY(%(classes)s)), count(*)
FROM message_logs
WHERE run_id = %(run_id)s AND outcome <> 'retrying' AND sent_at >= %(since)s AND sent_at < now() + interval '1 day'
