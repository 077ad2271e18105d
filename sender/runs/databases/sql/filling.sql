-- Runs whose recipients are not all in this queue yet, and where the recipients of each are to be found.
SELECT runs.run_id, page_id, runs.recovered_at IS NOT NULL, runs.taken_at - interval '1 day', recipients_expected = 0,
    extract(epoch FROM expires_at)::float8,
    chosen.parent_run_id, chosen.root_run_id, chosen.family, chosen.outcomes, chosen.classes, chosen.logged_since
FROM runs LEFT JOIN submitted_selections chosen USING (run_id)
WHERE state = 'enqueuing' AND source = %(source)s AND queue_epoch = %(queue_epoch)s
ORDER BY priority DESC, taken_at, run_id
