(%(any_place)s OR (cluster_id, topic, topic_id, partition, "offset") IN (
    SELECT * FROM unnest(
        %(clusters)s::text[], %(topics)s::text[], %(topic_ids)s::text[], %(partitions)s::int[], %(offsets)s::bigint[]
    )
))
AND (%(reason)s::text IS NULL OR strpos(lower(reason), lower(%(reason)s)) > 0)
AND (%(since)s::timestamptz IS NULL OR received_at >= %(since)s)
AND (%(partition)s::int IS NULL OR partition = %(partition)s)
