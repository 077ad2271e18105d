SELECT run_id, state, queue_epoch FROM runs WHERE state NOT IN ('finished', 'refused')
