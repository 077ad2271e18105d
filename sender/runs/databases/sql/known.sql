-- Which of these runs were taken or refused before.
SELECT run_id FROM runs WHERE run_id = ANY(%(run_ids)s)
