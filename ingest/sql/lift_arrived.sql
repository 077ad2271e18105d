-- Who got a message after all, from a run that was queued before the permanent error, can be reached: that lifts. Only of
-- the last days: later runs leave these people out, so nothing more can arrive. In key order, as those who note them.
-- The log's columns have the database's collation and these "C": without saying which counts no index of the log would.
WITH standing AS (
    SELECT page_id, recipient_id, since FROM suppressions
    WHERE reason = 'recipient_gone' AND since > now() - interval '3 days' AND (lifted_at IS NULL OR lifted_at < since)
), arrived AS MATERIALIZED (
    SELECT page_id, recipient_id, reached.at
    FROM standing CROSS JOIN LATERAL (
        SELECT max(sent_at) AS at FROM message_logs
        WHERE recipient_id = standing.recipient_id COLLATE "default" AND page_id = standing.page_id COLLATE "default"
            AND outcome = 'sent' AND sent_at > standing.since
    ) reached
    WHERE reached.at IS NOT NULL
), locked AS MATERIALIZED (
    SELECT page_id, recipient_id, arrived.at
    FROM suppressions JOIN arrived USING (page_id, recipient_id)
    WHERE reason = 'recipient_gone'
    ORDER BY page_id, recipient_id
    FOR UPDATE OF suppressions
)
UPDATE suppressions known SET lifted_at = greatest(known.lifted_at, locked.at)
FROM locked
WHERE (known.page_id, known.recipient_id, known.reason) = (locked.page_id, locked.recipient_id, 'recipient_gone')
