-- What was passed, and when: ms since 1970.
SELECT partition, next_offset, (extract(epoch FROM updated_at) * 1000)::bigint FROM ingest_offsets
WHERE cluster_id = %(cluster_id)s AND topic = %(topic)s AND topic_id = ''
  AND partition = ANY (%(partitions)s)
