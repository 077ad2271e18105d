-- Which of these recipients a selection chooses: those who ended in its parent as it says, and whom no run of the family
-- has sent to, or may have, unless just that is chosen.
SELECT recipient_id
FROM message_logs
WHERE recipient_id = ANY(%(recipient_ids)s) AND run_id = ANY(%(family)s)
    AND sent_at >= %(since)s AND sent_at < now() + interval '1 day'
GROUP BY recipient_id
HAVING bool_or(run_id = %(parent)s AND outcome = ANY(%(outcomes)s) AND error_class = ANY(%(classes)s))
    AND NOT bool_or(outcome = 'sent' OR (outcome = 'unknown' AND NOT outcome = ANY(%(outcomes)s)))
