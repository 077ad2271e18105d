-- A run as it was taken.
SELECT source, state, queue_epoch, extract(epoch FROM clock_timestamp() - lost_at)::float8, recipients, page_id, message,
    messaging_type, tag, notification_type, priority, on_unknown, extract(epoch FROM expires_at)::float8, parent_run_id,
    brake_rule
FROM runs WHERE run_id = %(run_id)s
