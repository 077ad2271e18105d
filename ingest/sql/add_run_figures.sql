INSERT INTO run_figures AS known (run_id, outcome, error_class, messages, first_at, last_at)
SELECT * FROM unnest(
    %(run_ids)s::text[], %(outcomes)s::text[], %(classes)s::text[], %(messages)s::bigint[],
    %(first_at)s::timestamptz[], %(last_at)s::timestamptz[]
)
ON CONFLICT (run_id, outcome, error_class) DO UPDATE SET
    messages = known.messages + excluded.messages,
    first_at = least(known.first_at, excluded.first_at),
    last_at = greatest(known.last_at, excluded.last_at)
