-- How a run's recipients ended, as far as the log has it: outcome, class, how many, and the last of them in key order. The
-- most frequent first.
SELECT outcome, coalesce(error_class, ''), count(*), max(recipient_id COLLATE "C")
FROM message_logs
WHERE run_id = %(run_id)s AND outcome <> 'retrying' AND sent_at >= %(since)s AND sent_at < now() + interval '1 day'
GROUP BY 1, 2
ORDER BY 3 DESC, 1, 2
