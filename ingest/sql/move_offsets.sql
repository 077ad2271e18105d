-- Compare and set: touches a partition only where it still stands where we read it.
UPDATE ingest_offsets o
SET next_offset = moved.next, updated_at = now()
FROM unnest(%(partitions)s::int[], %(first)s::bigint[], %(next)s::bigint[]) AS moved (partition, first, next)
WHERE o.cluster_id = %(cluster_id)s AND o.topic = %(topic)s
  AND o.partition = moved.partition AND o.next_offset = moved.first
