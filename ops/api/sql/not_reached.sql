-- Who did not get a run's message, by outcome and error class, most first, with the first few of each as examples.
SELECT classes.outcome, classes.error_class, classes.recipients, examples.found AS examples
FROM (
    SELECT outcome, error_class, count(*) AS recipients
    FROM message_logs
    WHERE run_id = %(run_id)s AND outcome NOT IN ('sent', 'retrying')
    GROUP BY outcome, error_class
) classes
CROSS JOIN LATERAL (
    SELECT jsonb_agg(to_jsonb(logs)) AS found
    FROM (
        SELECT recipient_id, error_code, error_subcode, error_message, sent_at
        FROM message_logs
        WHERE run_id = %(run_id)s AND outcome = classes.outcome
            AND error_class IS NOT DISTINCT FROM classes.error_class
        LIMIT %(examples)s
    ) logs
) examples
ORDER BY classes.recipients DESC, classes.outcome, classes.error_class
