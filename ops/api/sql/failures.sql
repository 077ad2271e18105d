-- Who did not get a run's message, and why. classes NULL: all of them.
SELECT recipient_id, outcome, error_class, error_code, error_subcode, error_message, http_status, attempt, sent_at
FROM message_logs
WHERE run_id = %(run_id)s AND outcome NOT IN ('sent', 'retrying')
    AND (%(classes)s::text[] IS NULL OR error_class = ANY(%(classes)s))
