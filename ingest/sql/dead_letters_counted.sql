-- Numbers in a reason (bytes, moments) are what differs between messages with one fault.
SELECT regexp_replace(reason, '[0-9]+', '#', 'g') AS reason, count(*) AS letters, sum(length(raw))::bigint AS size,
    min(received_at) AS oldest_at, max(received_at) AS newest_at
FROM message_log_dead_letters
WHERE {chosen}
GROUP BY 1
ORDER BY 2 DESC, 1
