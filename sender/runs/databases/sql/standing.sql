-- What the log knows of these recipients of a run: the highest attempt, and the final outcome when there is one.
SELECT recipient_id, max(attempt), max(outcome) FILTER (WHERE outcome <> 'retrying')
FROM message_logs
WHERE recipient_id = ANY(%(recipient_ids)s) AND run_id = %(run_id)s
    AND sent_at >= %(since)s AND sent_at < now() + interval '1 day'
GROUP BY recipient_id
