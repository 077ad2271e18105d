-- Compare and set: touches a partition only where it still stands where we read it.
UPDATE ingest_offsets o
SET next_offset = moved.next, updated_at = now()
FROM unnest({partitions}::int[], {first}::bigint[], {next}::bigint[]) AS moved (partition, first, next)
WHERE o.cluster_id = {cluster_id} AND o.topic = {topic} AND o.topic_id = {topic_id}
  AND o.partition = moved.partition AND o.next_offset = moved.first
