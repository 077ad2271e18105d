-- How many final outcomes of a run the log has, whether somebody had begun to cancel it, and whether the day on which it
-- was taken is still there.
SELECT count(*), coalesce(bool_or(outcome = 'cancelled'), false),
    EXISTS (
        SELECT FROM runs JOIN pg_inherits
            ON inhrelid = to_regclass('message_logs_' || to_char(taken_at AT TIME ZONE 'UTC', 'YYYYMMDD'))
        WHERE run_id = %(run_id)s AND inhparent = 'message_logs'::regclass
    )
FROM message_logs WHERE run_id = %(run_id)s AND outcome <> 'retrying'
