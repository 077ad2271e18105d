-- One day of the log, `rows` attempts from midnight to midnight. Pages differ in size as 1 : 20, a page has four runs a
-- day, and the largest page one, which has every tenth row. A recipient has four attempts a day. Seven of a hundred were
-- not reached or are tried again.
INSERT INTO {table} (
    event_id, run_id, page_id, recipient_id, attempt, outcome, error_class, error_code, error_message, http_status,
    message_id, latency_ms, sender_id, fbtrace_id, sent_at
)
SELECT
    gen_random_uuid(),
    format('%s-%s-%s', to_char({day}::date, 'YYYYMMDD'), page, CASE WHEN page = 0 THEN 0 ELSE n * 4 / {rows} END),
    (104500000000000 + page)::text,
    (7000000000000000 + n * 7919 % greatest({rows} / 4, 1))::text,
    CASE outcome WHEN 'expired' THEN 0 WHEN 'cancelled' THEN 0 ELSE 1 END,
    outcome, error_class, error_code, error_message,
    CASE WHEN error_code IS NOT NULL THEN 400 WHEN outcome = 'sent' THEN 200 END,
    CASE WHEN outcome = 'sent' THEN 'm_' || md5(n::text || {day}) || md5({day} || n::text) || md5(n::text) END,
    CASE WHEN outcome IN ('expired', 'cancelled') THEN NULL ELSE (120 + 800 * power(random(), 4))::real END,
    'sender-' || n % 8,
    CASE WHEN outcome <> 'sent' THEN 'A' || substr(md5(n::text), 1, 15) END,
    {day}::date::timestamp AT TIME ZONE 'UTC' + n * (interval '1 day' / {rows})
FROM (
    SELECT n, CASE WHEN random() < 0.1 THEN 0 ELSE floor(500 * power(random(), 1.5))::int END AS page, random() AS share
    FROM generate_series(0::bigint, {rows} - 1) n
) drawn
CROSS JOIN LATERAL (
    SELECT * FROM (VALUES
        (0.930, 'sent', NULL, NULL, NULL),
        (0.960, 'retrying', 'transient', 2, 'Service temporarily unavailable'),
        (0.985, 'failed', 'recipient_window', 10, 'This message is sent outside of allowed window.'),
        (0.993, 'suppressed', 'recipient_permanent', 551, 'This person isn''t available right now.'),
        (0.9965, 'failed', 'transient', 2, 'Service temporarily unavailable'),
        (0.9985, 'expired', 'run_expired', NULL, NULL),
        (0.9995, 'cancelled', 'run_cancelled', NULL, NULL),
        (1.000, 'unknown', 'ambiguous', NULL, 'no answer came')
    ) kinds (upto, outcome, error_class, error_code, error_message)
    WHERE share < upto LIMIT 1
) kind
