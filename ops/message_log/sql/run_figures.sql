-- What the log knows of a run, by outcome and class ('': none), most first. Kept with the rows, and when they are gone.
SELECT outcome, error_class, messages, first_at, last_at
FROM run_figures
WHERE run_id = %(run)s AND messages > 0
ORDER BY messages DESC, outcome, error_class
