-- The child: the parent's message and policy, due now, for a day.
INSERT INTO submitted_runs (run_id, page_id, page_access_token, message, messaging_type, tag, notification_type,
    send_window, priority, on_unknown, parent_run_id)
SELECT %(run_id)s, runs.page_id, coalesce(%(token)s, submitted.page_access_token), runs.message, runs.messaging_type,
    runs.tag, runs.notification_type, coalesce(%(send_window)s, submitted.send_window), runs.priority, runs.on_unknown,
    runs.run_id
FROM runs LEFT JOIN submitted_runs submitted USING (run_id)
WHERE runs.run_id = %(parent)s
