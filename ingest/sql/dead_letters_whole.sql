SELECT cluster_id, topic, topic_id, partition, "offset", received_at, reason, length(raw) AS size, raw
FROM message_log_dead_letters
WHERE {chosen}
ORDER BY received_at DESC, cluster_id DESC, topic DESC, topic_id DESC, partition DESC, "offset" DESC
LIMIT %(limit)s
