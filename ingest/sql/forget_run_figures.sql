-- A run's all together: some of them would say that it had fewer recipients.
WITH old AS (
    SELECT run_id FROM run_figures GROUP BY run_id
    HAVING max(last_at) < now() - make_interval(days => %(kept_days)s)
    LIMIT %(at_once)s
)
DELETE FROM run_figures USING old WHERE run_figures.run_id = old.run_id
