-- In key order, so that those that stay are not looked at twice.
SELECT cluster_id, topic, topic_id, partition, "offset", received_at, reason, size, raw
FROM (
    SELECT *, sum(size) OVER (ORDER BY cluster_id, topic, topic_id, partition, "offset") AS up_to_here
    FROM (
        SELECT *, length(raw) AS size
        FROM message_log_dead_letters
        WHERE {chosen} AND received_at <= %(until)s
            AND (cluster_id, topic, topic_id, partition, "offset")
                > (%(after_cluster_id)s, %(after_topic)s, %(after_topic_id)s, %(after_partition)s, %(after_offset)s)
        ORDER BY cluster_id, topic, topic_id, partition, "offset"
        LIMIT 500
    ) following
) summed
WHERE up_to_here - size < 8388608
ORDER BY cluster_id, topic, topic_id, partition, "offset"
