-- The registry follows the queue: a recovered run expires when that one would have.
UPDATE runs SET expires_at = %(until)s
WHERE run_id = %(run_id)s AND expires_at < %(until)s AND state NOT IN ('finished', 'refused')
RETURNING run_id
