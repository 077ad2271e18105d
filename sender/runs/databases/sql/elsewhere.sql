-- Which of these runs are in another queue, or have finished: there, or here, before this queue was set back to an older copy.
SELECT run_id FROM runs
WHERE run_id = ANY(%(run_ids)s) AND (queue_epoch IS DISTINCT FROM %(queue_epoch)s OR state = 'finished')
