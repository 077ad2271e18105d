-- The queue with this epoch knows the run now, empty: the run processors fill it. Returns the run unless somebody was first.
UPDATE runs SET state = 'enqueuing', queue_epoch = %(queue_epoch)s, reason = NULL, lost_at = NULL, recipients = 0,
    ended_as = NULL
WHERE run_id = %(run_id)s AND state = 'queue_lost' AND recovered_at IS NOT NULL
RETURNING run_id
