-- Runs in full. The message and the priority as text: what is no JSON or no number is a reason to refuse that run, not
-- an error of the query.
SELECT run_id::text, page_id::text, page_access_token::text, message::text, messaging_type::text, tag::text,
    notification_type::text, extract(epoch FROM scheduled_at)::float8, extract(epoch FROM expires_at)::float8,
    send_window::text, priority::text, on_unknown::text, {parent}, status::text, {recipients}
FROM {runs}
WHERE run_id::text = ANY(%(run_ids)s)
