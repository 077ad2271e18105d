-- What is looked at on every poll of the submitted runs, as heads.sql does. They stay here for ever, so those that ended
-- are left out.
SELECT run_id, status, page_id, page_access_token, extract(epoch FROM scheduled_at)::float8, send_window,
    extract(epoch FROM updated_at)::float8
FROM {runs} submitted
WHERE run_id COLLATE "C" > %(after)s AND status IN ('queued', 'paused', 'cancelled')
    AND NOT EXISTS (SELECT FROM runs WHERE runs.run_id = submitted.run_id AND runs.state IN ('finished', 'refused'))
ORDER BY run_id COLLATE "C"
LIMIT %(limit)s
