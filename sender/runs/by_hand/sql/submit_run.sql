INSERT INTO submitted_runs (run_id, page_id, page_access_token, message, messaging_type, tag, notification_type,
    scheduled_at, expires_at, send_window, priority, on_unknown, parent_run_id)
VALUES (%(run_id)s, %(page_id)s, %(page_access_token)s, %(message)s, %(messaging_type)s, %(tag)s,
    %(notification_type)s, %(scheduled_at)s, %(expires_at)s, %(send_window)s, %(priority)s, %(on_unknown)s,
    %(parent_run_id)s)
