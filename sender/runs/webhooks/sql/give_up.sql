-- Returns those given up now. What was never tried was never due for long: it waits for others of its run.
UPDATE run_webhooks SET given_up_at = now()
WHERE given_up_at IS NULL AND tries > 0 AND next_try_at <= now() AND at < now() - make_interval(secs => %(after_s)s)
RETURNING id::text, run_id, event, tries
