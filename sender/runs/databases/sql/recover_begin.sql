-- Before the run becomes known to any queue: from now on it is only filled with those whom the log does not know as done.
UPDATE runs SET recovered_at = clock_timestamp() WHERE run_id = %(run_id)s AND state = 'queue_lost' RETURNING run_id
