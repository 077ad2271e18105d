SELECT
    (
        SELECT count(*) FROM message_logs
        WHERE recipient_id = %(recipient_id)s AND %(page_id)s IN ('', page_id)
    ),
    (
        SELECT count(*) FROM submitted_runs run JOIN submitted_recipients person USING (run_id)
        WHERE person.recipient_id COLLATE "C" = %(recipient_id)s AND %(page_id)s IN ('', run.page_id)
    ),
    (
        SELECT count(*) FROM suppressions
        WHERE recipient_id = %(recipient_id)s AND %(page_id)s IN ('', page_id)
    ),
    (
        SELECT count(*) FROM audit
        WHERE length(%(recipient_id)s::text) >= %(found_anywhere)s AND strpos(detail, %(recipient_id)s::text) > 0
    )
