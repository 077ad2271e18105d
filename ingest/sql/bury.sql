INSERT INTO message_log_dead_letters (cluster_id, topic, topic_id, partition, "offset", raw, reason)
SELECT %(cluster_id)s, %(topic)s, %(topic_id)s, dead.partition, dead."offset", dead.raw, dead.reason
FROM unnest(%(partitions)s::int[], %(offsets)s::bigint[], %(raws)b::bytea[], %(reasons)s::text[])
    AS dead (partition, "offset", raw, reason)
ON CONFLICT DO NOTHING
