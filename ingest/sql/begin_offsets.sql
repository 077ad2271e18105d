INSERT INTO ingest_offsets (cluster_id, topic, partition, next_offset)
SELECT %(cluster_id)s, %(topic)s, begun.partition, begun.next
FROM unnest(%(partitions)s::int[], %(next)s::bigint[]) AS begun (partition, next)
ON CONFLICT DO NOTHING
