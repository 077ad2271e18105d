SELECT DISTINCT topic_id FROM ingest_offsets
WHERE cluster_id = %(cluster_id)s AND topic = %(topic)s AND topic_id <> %(topic_id)s
  AND partition = ANY (%(partitions)s)
