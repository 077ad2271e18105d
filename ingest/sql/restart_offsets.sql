-- A topic made again on a broker that tells no topic ids keeps its rows.
UPDATE ingest_offsets o
SET next_offset = restarted.first, updated_at = now()
FROM unnest(%(partitions)s::int[], %(first)s::bigint[]) AS restarted (partition, first)
WHERE o.cluster_id = %(cluster_id)s AND o.topic = %(topic)s AND o.topic_id = %(topic_id)s
  AND o.partition = restarted.partition
