-- Which of these runs are in another queue, or were finished there.
SELECT run_id FROM runs WHERE run_id = ANY(%(run_ids)s) AND queue_epoch IS DISTINCT FROM %(queue_epoch)s
