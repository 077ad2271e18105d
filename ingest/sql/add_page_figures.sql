INSERT INTO page_figures AS known (page_id, step_s, at, run_id, outcome, error_class, messages, latencies)
SELECT page_id, 60, minute, run_id, outcome, error_class, messages, latencies::bigint[]
FROM unnest(
    %(page_ids)s::text[], %(minutes)s::timestamptz[], %(run_ids)s::text[], %(outcomes)s::text[], %(classes)s::text[],
    %(messages)s::bigint[], %(latencies)s::text[]
) AS added (page_id, minute, run_id, outcome, error_class, messages, latencies)
ON CONFLICT (page_id, step_s, at, run_id, outcome, error_class) DO UPDATE SET
    messages = known.messages + excluded.messages,
    latencies = add_latencies(known.latencies, excluded.latencies)
