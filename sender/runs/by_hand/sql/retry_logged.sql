-- How many final outcomes the log has of each of these runs.
SELECT run_id, count(*)
FROM message_logs
WHERE run_id = ANY(%(run_ids)s) AND outcome <> 'retrying' AND sent_at >= %(since)s AND sent_at < now() + interval '1 day'
GROUP BY run_id
