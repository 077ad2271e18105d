-- They were tried again in vain: why now.
UPDATE message_log_dead_letters letter SET reason = refused.reason
FROM unnest(
    %(clusters)s::text[], %(topics)s::text[], %(topic_ids)s::text[], %(partitions)s::int[], %(offsets)s::bigint[],
    %(reasons)s::text[]
) AS refused (cluster_id, topic, topic_id, partition, "offset", reason)
WHERE (letter.cluster_id, letter.topic, letter.topic_id, letter.partition, letter."offset")
    = (refused.cluster_id, refused.topic, refused.topic_id, refused.partition, refused."offset")
