-- How a run's recipients ended, as far as the log has it: outcome, class, whether another run of the family has sent to
-- them (or may have, and that does not count as not reached), how many they are, and the last of them in key order. The
-- most frequent first.
WITH reached AS (
    SELECT DISTINCT recipient_id
    FROM message_logs
    WHERE run_id = ANY(%(family)s) AND run_id <> %(run_id)s
        AND outcome IN ('sent', 'unknown') AND NOT outcome = ANY(%(outcomes)s)
        AND sent_at >= %(since)s AND sent_at < now() + interval '1 day'
)
SELECT outcome, coalesce(error_class, ''), reached.recipient_id IS NOT NULL, count(*), max(recipient_id COLLATE "C")
FROM message_logs LEFT JOIN reached USING (recipient_id)
WHERE run_id = %(run_id)s AND outcome <> 'retrying' AND sent_at >= %(since)s AND sent_at < now() + interval '1 day'
GROUP BY 1, 2, 3
ORDER BY 4 DESC, 1, 2, 3
