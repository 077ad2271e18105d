-- How many final outcomes the log has had of each of these runs, and whether their rows are all still there. Figures
-- remember days that were dropped; whom a run reached on such a day, nobody knows any more.
SELECT run_id, sum(messages)::bigint, EXISTS (
    SELECT FROM pg_inherits
    WHERE inhparent = 'message_logs'::regclass
        AND inhrelid = to_regclass('message_logs_' || to_char(min(first_at) AT TIME ZONE 'UTC', 'YYYYMMDD'))
)
FROM run_figures
WHERE run_id = ANY(%(run_ids)s) AND outcome <> 'retrying' AND messages > 0
GROUP BY run_id
