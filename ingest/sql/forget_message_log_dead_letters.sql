DELETE FROM message_log_dead_letters WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM message_log_dead_letters
    WHERE received_at < now() - make_interval(days => %(kept_days)s)
    ORDER BY received_at
    LIMIT %(at_once)s
    FOR UPDATE SKIP LOCKED
))
