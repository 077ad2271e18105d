-- Every final row of the log: run, recipient, outcome, and how many final rows that recipient has.
SELECT run_id, recipient_id, min(outcome), count(*)
FROM message_logs
WHERE outcome <> 'retrying'
GROUP BY run_id, recipient_id
