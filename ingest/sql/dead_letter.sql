SELECT cluster_id, topic, topic_id, partition, "offset", received_at, reason, length(raw) AS size,
    substring(raw FROM %(start)s + 1 FOR %(length)s) AS raw
FROM message_log_dead_letters
WHERE (cluster_id, topic, topic_id, partition, "offset")
    = (%(cluster_id)s, %(topic)s, %(topic_id)s, %(partition)s, %(offset)s)
