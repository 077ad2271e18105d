DELETE FROM message_log_dead_letters
WHERE (cluster_id, topic, topic_id, partition, "offset")
    = (%(cluster_id)s, %(topic)s, %(topic_id)s, %(partition)s, %(offset)s)
