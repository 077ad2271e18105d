INSERT INTO erasures (recipient_id, page_id, until) VALUES (%(recipient_id)s, %(page_id)s, %(until)s)
ON CONFLICT (recipient_id, page_id) DO UPDATE SET erased_at = now(), until = excluded.until
