-- A row of which more became known: the outcome of an attempt that stood as unknown or as retrying.
UPDATE message_logs
SET run_id = %(run_id)s, page_id = %(page_id)s, recipient_id = %(recipient_id)s, attempt = %(attempt)s,
    outcome = %(outcome)s, error_class = %(error_class)s, error_code = %(error_code)s, error_subcode = %(error_subcode)s,
    error_message = %(error_message)s, http_status = %(http_status)s, message_id = %(message_id)s,
    latency_ms = %(latency_ms)s, sender_id = %(sender_id)s, fbtrace_id = %(fbtrace_id)s
WHERE (sent_at, event_id) = (%(sent_at)s, %(event_id)s)
