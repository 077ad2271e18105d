-- How many rows of a run's recipients stand behind this id, in the order in which they are put into the queue.
SELECT count(*) FROM {recipients}
WHERE run_id = %(run_id)s AND recipient_id::text COLLATE "C" > %(recipient_id)s
    AND length(recipient_id::text) <= 500
