-- How far the topic has become rows; an ingest of the former release notes no topic id. Of both the last one counts.
SELECT partition, next_offset FROM ingest_offsets
WHERE cluster_id = %(cluster_id)s AND topic = %(topic)s AND topic_id IN ('', %(topic_id)s)
ORDER BY topic_id
