SELECT cluster_id, topic, topic_id, partition, "offset", received_at, reason, length(raw) AS size
FROM message_log_dead_letters
WHERE {chosen}
    AND (
        %(after_at)s::timestamptz IS NULL OR received_at < %(after_at)s
        OR (
            received_at = %(after_at)s AND (cluster_id, topic, topic_id, partition, "offset")
                < (%(after_cluster_id)s, %(after_topic)s, %(after_topic_id)s, %(after_partition)s, %(after_offset)s)
        )
    )
    AND (%(after_at)s::timestamptz IS NULL OR received_at <= %(after_at)s) -- said apart, for the index
ORDER BY received_at DESC, cluster_id DESC, topic DESC, topic_id DESC, partition DESC, "offset" DESC
LIMIT %(limit)s
