-- Runs that are being sent, in a source made of the sample tables and in the registry of one database.
WITH page AS (
    INSERT INTO pages (id, name, access_token, time_zone)
    SELECT (1000 + n)::text, 'a page', 'EAABbench', 'Asia/Bangkok' FROM generate_series(0, %(pages)s - 1) n
),
run AS (
    INSERT INTO broadcasts (page_id, message, status, send_window)
    SELECT (1000 + n %% %(pages)s)::text, '{"text": "hello"}', 'queued', CASE WHEN n < %(timed)s THEN '00:00-24:00' END
    FROM generate_series(0, %(runs)s - 1) n
    RETURNING id::text, page_id
)
INSERT INTO runs (run_id, page_id, source, state, queue_epoch)
SELECT id, page_id, 'source', 'active', %(queue_epoch)s FROM run
RETURNING run_id, page_id
