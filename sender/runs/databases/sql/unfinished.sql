SELECT run_id, state, queue_epoch, brake_rule FROM runs WHERE state NOT IN ('finished', 'refused')
