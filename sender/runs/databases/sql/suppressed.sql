-- Which of these people of a page are suppressed, why and since when. A braked run suppresses nobody; whether one is, only
-- the queue knows for sure while the run is not finished.
SELECT entry.recipient_id, entry.reason, extract(epoch FROM entry.since)::float8,
    CASE WHEN runs.state NOT IN ('finished', 'refused') THEN runs.run_id END
FROM suppressions entry LEFT JOIN runs USING (run_id)
WHERE entry.page_id = %(page_id)s AND entry.recipient_id = ANY(%(recipient_ids)s)
    AND (entry.lifted_at IS NULL OR entry.lifted_at < entry.since)
    AND runs.brake_rule IS DISTINCT FROM %(brake_rule)s
