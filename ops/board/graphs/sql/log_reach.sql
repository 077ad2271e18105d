-- From where on the figures are known, and what must be read to know the newest: all from the ends of indexes.
SELECT extract(epoch FROM now())::bigint AS now_s,
    (SELECT extract(epoch FROM min(at))::bigint FROM log_figures WHERE step_s = 3600) AS first_hour_s,
    (SELECT extract(epoch FROM min(at))::bigint FROM log_figures WHERE step_s = 60) AS first_minute_s,
    (SELECT extract(epoch FROM max(at))::bigint FROM log_figures WHERE step_s = 60) AS last_minute_s,
    ARRAY(
        SELECT partition FROM ingest_offsets
        WHERE (cluster_id, topic, topic_id)
            = (SELECT cluster_id, topic, topic_id FROM ingest_offsets ORDER BY updated_at DESC LIMIT 1)
    ) AS partitions
