-- What was given up is kept for a while, for people to look at; what nobody wants to be told of, hardly at all.
DELETE FROM run_webhooks
WHERE given_up_at < now() - interval '7 days'
    OR (NOT %(wanted)s AND given_up_at IS NULL AND at < now() - interval '1 hour')
