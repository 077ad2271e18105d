-- The newest of several lists of rows.
SELECT {columns}
FROM ({lists}) logged
ORDER BY sent_at DESC, event_id DESC
LIMIT %(most)s
