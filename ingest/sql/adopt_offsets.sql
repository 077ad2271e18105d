-- Rows of the former release, which asked for no topic id, or of a broker that told none: once, to these partitions' own.
UPDATE ingest_offsets o
SET topic_id = %(topic_id)s
WHERE o.cluster_id = %(cluster_id)s AND o.topic = %(topic)s AND o.topic_id = ''
  AND o.partition = ANY (%(partitions)s)
  AND NOT EXISTS (
      SELECT FROM ingest_offsets named
      WHERE named.cluster_id = o.cluster_id AND named.topic = o.topic
        AND named.topic_id <> '' AND named.partition = o.partition
  )
