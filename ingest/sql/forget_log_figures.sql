DELETE FROM log_figures WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM log_figures
    WHERE step_s IN (60, 3600) AND at < now() - make_interval(days => %(kept_days)s)
    LIMIT %(at_once)s
    FOR UPDATE SKIP LOCKED
))
