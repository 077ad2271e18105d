-- Where the recipients of a run stand: which run names them (a retry's are its root's), and in which source.
SELECT coalesce(chosen.root_run_id, runs.run_id) AS run_id, runs.source
FROM runs LEFT JOIN submitted_selections chosen USING (run_id)
WHERE runs.run_id = %(run_id)s
