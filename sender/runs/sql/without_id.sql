-- Rows that name nobody.
SELECT count(*) FROM {recipients} WHERE run_id = %(run_id)s AND (recipient_id IS NULL OR recipient_id::text = '')
