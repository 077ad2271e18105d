DELETE FROM run_webhooks WHERE number = ANY(%(numbers)s)
