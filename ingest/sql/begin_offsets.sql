INSERT INTO ingest_offsets (cluster_id, topic, topic_id, partition, next_offset)
SELECT %(cluster_id)s, %(topic)s, %(topic_id)s, begun.partition, begun.next
FROM unnest(%(partitions)s::int[], %(next)s::bigint[]) AS begun (partition, next)
ON CONFLICT DO NOTHING
