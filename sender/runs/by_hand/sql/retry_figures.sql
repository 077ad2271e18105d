-- How a run's recipients ended, as its figures have it: outcome, class, how many, and whether the rows of these are all
-- still there. The most frequent first.
SELECT outcome, error_class, messages, EXISTS (
    SELECT FROM pg_inherits
    WHERE inhparent = 'message_logs'::regclass
        AND inhrelid = to_regclass('message_logs_' || to_char(first_at AT TIME ZONE 'UTC', 'YYYYMMDD'))
)
FROM run_figures
WHERE run_id = %(run_id)s AND outcome <> 'retrying' AND messages > 0
ORDER BY messages DESC, outcome, error_class
