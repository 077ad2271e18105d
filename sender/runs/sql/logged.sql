-- How many final outcomes of a run the log has, and whether somebody had begun to cancel it.
SELECT count(*), coalesce(bool_or(outcome = 'cancelled'), false)
FROM message_logs WHERE run_id = %(run_id)s AND outcome <> 'retrying'
