SELECT count(*) FROM run_webhooks WHERE given_up_at IS NULL
