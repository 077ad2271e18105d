-- Ends these runs without a queue, with what the log has of them, and notes who did it. No queue has an epoch of NULL: one that
-- has jobs of them all the same is held. Returns the runs that were closed: not those that somebody takes just now.
WITH closing AS (
    SELECT * FROM unnest(%(run_ids)s::text[], %(page_ids)s::text[], %(sources)s::text[]) AS one (run_id, page_id, source)
), counted AS (
    SELECT run_id, outcome, sum(messages)::bigint AS messages
    FROM run_figures JOIN closing USING (run_id) WHERE messages > 0
    GROUP BY run_id, outcome
), logged AS (
    SELECT run_id, jsonb_object_agg(outcome, messages) AS outcomes,
        coalesce(sum(messages) FILTER (WHERE outcome <> 'retrying'), 0)::bigint AS ended
    FROM counted GROUP BY run_id
), closed AS (
    INSERT INTO runs (run_id, page_id, source, state, reason, ended_as, recipients, outcomes, finished_at)
    SELECT run_id, page_id, source, 'finished', %(reason)s, 'cancelled', coalesce(ended, 0), coalesce(outcomes, '{}'), now()
    FROM closing LEFT JOIN logged USING (run_id)
    ORDER BY run_id
    ON CONFLICT (run_id) DO UPDATE SET (state, reason, ended_as, outcomes, finished_at, recipients, queue_epoch)
        = ('finished', EXCLUDED.reason, EXCLUDED.ended_as, EXCLUDED.outcomes, EXCLUDED.finished_at,
        greatest(runs.recipients, EXCLUDED.recipients), NULL)
        WHERE (runs.state = 'refused' AND runs.refused_for_now)
            OR (runs.state NOT IN ('finished', 'refused') AND runs.taken_at <= %(before)s)
    RETURNING run_id
), noted AS (
    INSERT INTO audit (who, what, target, detail) SELECT %(who)s, 'run close', run_id, %(detail)s FROM closed
)
SELECT run_id FROM closed ORDER BY run_id
