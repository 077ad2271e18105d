-- People, runs, pages, messages and moments to ask for, drawn at random from the figures and the rows.
SELECT run_id AS run, split_part(run_id, '-', 2)::int + 104500000000000 AS page, outcome, nullif(error_class, '') AS class,
    (SELECT recipient_id FROM message_logs WHERE sent_at >= drawn.at ORDER BY sent_at LIMIT 1) AS recipient,
    (SELECT message_id FROM message_logs WHERE sent_at >= drawn.at AND message_id IS NOT NULL ORDER BY sent_at LIMIT 1)
        AS message,
    drawn.at
FROM (
    SELECT *, first_at + (last_at - first_at) * random() AS at
    FROM run_figures
    WHERE messages > 0
    ORDER BY random()
    LIMIT %(many)s
) drawn
