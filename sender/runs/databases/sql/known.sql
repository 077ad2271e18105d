-- Which of these runs were taken or refused before, and when they ended: in seconds since 1970, and seconds ago; whether a refused
-- one is taken once it is mended, and why it was.
SELECT run_id, state, extract(epoch FROM finished_at)::float8, extract(epoch FROM clock_timestamp() - finished_at)::float8,
    refused_for_now, CASE WHEN state = 'refused' THEN reason END
FROM runs WHERE run_id = ANY(%(run_ids)s)
