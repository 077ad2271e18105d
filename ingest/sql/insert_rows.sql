-- Rows from the stage into the log, and what the new ones say of people: a permanent error keeps somebody out of later
-- runs. Rows that were there already say nothing once more: a replay must not undo what a person has lifted; all parts of
-- this statement see the log as it was before. In key order, so that two who write wait for each other instead of
-- deadlocking.
WITH gone AS (
    SELECT page_id, recipient_id, max(sent_at) AS since, (array_agg(run_id ORDER BY sent_at DESC))[1] AS run_id
    FROM message_log_stage staged
    WHERE error_class = 'recipient_permanent' AND outcome IN ('failed', 'suppressed')
        AND page_id <> '' AND recipient_id <> ''
        AND NOT EXISTS (
            SELECT FROM message_logs logged WHERE (logged.event_id, logged.sent_at) = (staged.event_id, staged.sent_at)
        )
    GROUP BY page_id, recipient_id
), noted AS (
    INSERT INTO suppressions AS known (page_id, recipient_id, reason, since, run_id, by_whom)
    SELECT page_id, recipient_id, 'recipient_gone', since, run_id, 'ingest' FROM gone
    ORDER BY page_id, recipient_id
    ON CONFLICT (page_id, recipient_id, reason) DO UPDATE SET
        since = greatest(known.since, excluded.since),
        run_id = CASE WHEN excluded.since > known.since THEN excluded.run_id ELSE known.run_id END
)
INSERT INTO message_logs ({columns}) SELECT {columns} FROM message_log_stage
ON CONFLICT (event_id, sent_at) DO NOTHING
