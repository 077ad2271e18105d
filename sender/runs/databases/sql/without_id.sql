-- Rows that name nobody: no row of the log could hold a longer id.
SELECT count(*) FROM {recipients}
WHERE run_id = %(run_id)s AND (recipient_id IS NULL OR recipient_id::text = '' OR length(recipient_id::text) > 500)
