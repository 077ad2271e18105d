SELECT (SELECT count(*) FROM submitted_recipients r WHERE r.run_id = s.run_id) AS recipients
FROM submitted_runs s
WHERE run_id = %(run_id)s
