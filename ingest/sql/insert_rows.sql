-- Rows from the stage into the log, and what the new ones say of people: a permanent error keeps somebody out of later
-- runs, an accepted message lifts that. Rows that were there already say nothing once more: a replay must not undo what a
-- person has lifted. In key order, so that two who write wait for each other instead of deadlocking.
WITH added AS (
    INSERT INTO message_logs ({columns}) SELECT {columns} FROM message_log_stage
    ON CONFLICT (event_id, sent_at) DO NOTHING
    RETURNING page_id, recipient_id, run_id, outcome, error_class, sent_at
), told AS (
    SELECT page_id, recipient_id,
        max(sent_at) FILTER (WHERE outcome <> 'sent') AS gone_at,
        (array_agg(run_id ORDER BY sent_at DESC) FILTER (WHERE outcome <> 'sent'))[1] AS run_id,
        max(sent_at) FILTER (WHERE outcome = 'sent') AS sent_at
    FROM added
    WHERE page_id <> '' AND recipient_id <> ''
        AND (outcome = 'sent' OR (outcome IN ('failed', 'suppressed') AND error_class = 'recipient_permanent'))
    GROUP BY page_id, recipient_id
), noted AS (
    INSERT INTO suppressions AS known (page_id, recipient_id, reason, since, run_id, by_whom, lifted_at)
    SELECT told.page_id, told.recipient_id, 'recipient_gone', coalesce(told.gone_at, before.since),
        coalesce(told.run_id, before.run_id), 'ingest', told.sent_at
    FROM told LEFT JOIN suppressions before
        ON (before.page_id, before.recipient_id, before.reason) = (told.page_id, told.recipient_id, 'recipient_gone')
    WHERE told.gone_at IS NOT NULL OR told.sent_at > greatest(before.since, before.lifted_at)
    ORDER BY 1, 2
    ON CONFLICT (page_id, recipient_id, reason) DO UPDATE SET
        since = greatest(known.since, excluded.since),
        run_id = CASE WHEN excluded.since > known.since THEN excluded.run_id ELSE known.run_id END,
        lifted_at = greatest(known.lifted_at, excluded.lifted_at)
)
SELECT count(*) FROM added
