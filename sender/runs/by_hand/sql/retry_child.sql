-- The child, not stored yet: the parent's message, or another one, and the parent's policy, due now, for a day. Columns in
-- the order of runs.sql.
SELECT %(run_id)s, runs.page_id, coalesce(%(token)s, submitted.page_access_token),
    coalesce(%(message)s, runs.message::text), runs.messaging_type, runs.tag, runs.notification_type,
    NULL, NULL, coalesce(%(send_window)s, submitted.send_window), runs.priority::text, runs.on_unknown, runs.run_id
FROM runs LEFT JOIN submitted_runs submitted USING (run_id)
WHERE runs.run_id = %(parent)s
