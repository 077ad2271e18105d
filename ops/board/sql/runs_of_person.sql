-- Of these runs: their page, what became of them, and which run names their recipients (a retry's are its root's), in which source.
SELECT runs.run_id, runs.page_id, runs.state, coalesce(chosen.root_source, runs.source) AS source,
    coalesce(chosen.root_run_id, runs.run_id) AS recipients_of, runs.taken_at
FROM runs LEFT JOIN submitted_selections chosen USING (run_id)
WHERE runs.run_id = ANY(%(runs)s)
