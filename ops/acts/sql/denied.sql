SELECT 1 FROM suppressions
WHERE page_id = %(page_id)s AND recipient_id = %(recipient_id)s AND reason = 'denied'
    AND (lifted_at IS NULL OR lifted_at < since)
