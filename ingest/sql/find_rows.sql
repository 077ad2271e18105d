-- Which of these events are in the log, and as what. Sorted as the index is.
SELECT {columns}
FROM unnest(%(moments)s::timestamptz[], %(ids)s::uuid[]) AS asked (sent_at, event_id)
JOIN message_logs USING (sent_at, event_id)
WHERE sent_at BETWEEN %(first)s AND %(last)s
