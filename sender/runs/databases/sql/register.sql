-- Returns the run when it is new, or was refused before it was mended. One whose recipients stand in another run is
-- filled by the processor of that run's source.
INSERT INTO runs (run_id, page_id, source, state, reason, queue_epoch, parent_run_id, message, messaging_type, tag,
    notification_type, priority, on_unknown, scheduled_at, expires_at, recipients_expected)
VALUES (%(run_id)s, %(page_id)s,
    coalesce(
        (SELECT root_source FROM submitted_selections WHERE run_id = %(run_id)s AND %(source)s = 'submitted'),
        %(source)s
    ), 'enqueuing', %(reason)s, %(queue_epoch)s, %(parent_run_id)s,
    %(message)s, %(messaging_type)s, %(tag)s, %(notification_type)s, %(priority)s, %(on_unknown)s,
    %(scheduled_at)s, %(expires_at)s, %(recipients_expected)s)
ON CONFLICT (run_id) DO UPDATE SET (page_id, state, reason, queue_epoch, message, messaging_type, tag,
    notification_type, priority, on_unknown, scheduled_at, expires_at, recipients_expected, taken_at, finished_at)
    = (EXCLUDED.page_id, EXCLUDED.state, EXCLUDED.reason, EXCLUDED.queue_epoch, EXCLUDED.message,
    EXCLUDED.messaging_type, EXCLUDED.tag, EXCLUDED.notification_type, EXCLUDED.priority, EXCLUDED.on_unknown,
    EXCLUDED.scheduled_at, EXCLUDED.expires_at, EXCLUDED.recipients_expected, EXCLUDED.taken_at, NULL)
    WHERE runs.state = 'refused' AND runs.refused_for_now AND runs.source = EXCLUDED.source
RETURNING run_id
