-- Puts these in the place of all that stands here. No moment is later than what every program can read.
WITH over AS (DELETE FROM scheduled_runs WHERE run_id <> ALL(%(run_ids)s)),
beyond AS (
    INSERT INTO scheduled_beyond (runs) VALUES (%(beyond)s) ON CONFLICT (only_row) DO UPDATE SET runs = EXCLUDED.runs
)
INSERT INTO scheduled_runs (run_id, page_id, scheduled_at)
SELECT run_id, page_id, to_timestamp(least(at_s, 253370764800))
FROM unnest(%(run_ids)s::text[], %(page_ids)s::text[], %(at_s)s::float8[]) AS now (run_id, page_id, at_s)
ORDER BY run_id
ON CONFLICT (run_id) DO UPDATE SET (page_id, scheduled_at) = (EXCLUDED.page_id, EXCLUDED.scheduled_at)
