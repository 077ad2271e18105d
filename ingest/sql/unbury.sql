DELETE FROM message_log_dead_letters dead
USING unnest(%(partitions)s::int[], %(offsets)s::bigint[]) AS gone (partition, "offset")
WHERE (cluster_id, topic, topic_id) = (%(cluster_id)s, %(topic)s, %(topic_id)s)
    AND (dead.partition, dead."offset") = (gone.partition, gone."offset")
