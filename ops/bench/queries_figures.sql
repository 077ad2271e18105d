-- What the ingest would have kept with the rows.
INSERT INTO run_figures (run_id, outcome, error_class, messages, first_at, last_at)
SELECT run_id, outcome, coalesce(error_class, ''), count(*), min(sent_at), max(sent_at)
FROM message_logs
GROUP BY 1, 2, 3
