-- How far the topic has become rows.
SELECT partition, next_offset FROM ingest_offsets WHERE cluster_id = %(cluster_id)s AND topic = %(topic)s
