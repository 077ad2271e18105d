-- Steers a submitted run by its row, as a source steers its own; returns it when that changed something.
UPDATE submitted_runs SET status = %(status)s, updated_at = now()
WHERE run_id = %(run_id)s AND status = ANY(%(from)s)
RETURNING run_id
