-- Of these runs: their page, what became of them, and which run names their recipients (a retry's are its root's), in which source.
SELECT runs.run_id, runs.page_id, runs.state, coalesce(chosen.root_source, runs.source) AS source,
    coalesce(chosen.root_run_id, runs.run_id) AS recipients_of, runs.taken_at
FROM runs LEFT JOIN submitted_selections chosen USING (run_id)
WHERE runs.run_id = ANY(%(runs)s)
UNION ALL
SELECT run_id, submitted.page_id, 'submitted', coalesce(chosen.root_source, 'submitted'), coalesce(chosen.root_run_id, run_id), created_at
FROM submitted_runs submitted LEFT JOIN submitted_selections chosen USING (run_id)
WHERE run_id = ANY(%(runs)s) AND NOT EXISTS (SELECT FROM runs WHERE runs.run_id = submitted.run_id)
UNION ALL
SELECT run_id, page_id, 'scheduled', 'source', run_id, scheduled_at
FROM scheduled_runs
WHERE run_id = ANY(%(runs)s) AND NOT EXISTS (SELECT FROM runs WHERE runs.run_id = scheduled_runs.run_id)
