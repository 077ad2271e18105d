INSERT INTO suppressions (page_id, recipient_id, reason, since, by_whom)
VALUES (%(page_id)s, %(recipient_id)s, 'denied', now(), %(keep_denied_by)s)
ON CONFLICT DO NOTHING
