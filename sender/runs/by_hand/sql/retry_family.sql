-- The runs that share a root with this one, itself among them: who stands in it, what became of it, and how many final
-- outcomes the log should have. A retry that was called off before it was taken never had anybody.
WITH root AS (
    SELECT coalesce(
        (SELECT root_run_id FROM submitted_selections WHERE run_id = %(run_id)s),
        %(run_id)s
    ) AS run_id
),
family AS (
    SELECT root.run_id, NULL AS parent_run_id FROM root
    UNION ALL
    SELECT s.run_id, s.parent_run_id FROM submitted_selections s JOIN root ON s.root_run_id = root.run_id
)
SELECT family.run_id, family.parent_run_id, runs.state, coalesce(runs.recipients, 0), runs.source,
    coalesce(runs.taken_at, now()), coalesce(submitted.status, '')
FROM family
LEFT JOIN runs USING (run_id)
LEFT JOIN submitted_runs submitted USING (run_id)
