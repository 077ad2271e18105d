SELECT 1 FROM runs WHERE run_id = %(run_id)s UNION ALL SELECT 1 FROM submitted_runs WHERE run_id = %(run_id)s
