-- How far each life of a topic has become rows, where the broker tells lives apart.
SELECT cluster_id, topic, topic_id, partition, next_offset FROM ingest_offsets WHERE topic_id <> ''
