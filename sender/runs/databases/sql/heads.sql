-- What is looked at on every poll, in pages. Other values of status are the user's own and mean nothing here.
SELECT run_id::text, status::text, page_id::text, page_access_token::text,
    extract(epoch FROM scheduled_at)::float8, send_window::text, extract(epoch FROM updated_at)::float8
FROM {runs}
WHERE run_id::text COLLATE "C" > %(after)s AND status::text IN ('queued', 'paused', 'cancelled')
ORDER BY run_id::text COLLATE "C"
LIMIT %(limit)s
