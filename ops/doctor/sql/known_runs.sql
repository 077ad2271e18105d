SELECT run_id, state, queue_epoch FROM runs WHERE run_id = ANY(%(run_ids)s)
