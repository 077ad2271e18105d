SELECT run_id, state, queue_epoch, brake_rule, ended_as FROM runs WHERE state NOT IN ('finished', 'refused')
