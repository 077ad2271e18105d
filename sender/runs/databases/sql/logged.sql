-- How many final outcomes of a run the log has had, whether somebody had begun to cancel it, and whether their rows are
-- all still there: whoever ended on a day that is gone cannot be told from somebody who was never sent to. Figures
-- remember such days, except those that were dropped before there were figures: so the day on which it was taken counts.
SELECT coalesce(sum(messages), 0)::bigint, coalesce(bool_or(outcome = 'cancelled'), false)
        OR EXISTS (SELECT FROM runs WHERE run_id = %(run_id)s AND ended_as = 'cancelled'),
    EXISTS (
        SELECT FROM runs JOIN pg_inherits
            ON inhrelid = to_regclass('message_logs_' || to_char(taken_at AT TIME ZONE 'UTC', 'YYYYMMDD'))
        WHERE run_id = %(run_id)s AND inhparent = 'message_logs'::regclass
    )
FROM run_figures WHERE run_id = %(run_id)s AND outcome <> 'retrying' AND messages > 0
