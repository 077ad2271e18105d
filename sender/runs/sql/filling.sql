-- Runs whose recipients are not all in this queue yet.
SELECT run_id FROM runs
WHERE state = 'enqueuing' AND source = %(source)s AND queue_epoch = %(queue_epoch)s
ORDER BY priority DESC, taken_at, run_id
