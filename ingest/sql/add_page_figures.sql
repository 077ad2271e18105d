INSERT INTO page_figures AS known (page_id, step_s, at, run_id, outcome, error_class, messages, latencies)
SELECT page_id, 60, (%(minutes)s::timestamptz[])[kind], run_id, (%(outcomes)s::text[])[kind],
    (%(classes)s::text[])[kind], messages, latencies::bigint[]
FROM unnest(
    %(page_ids)s::text[], %(run_ids)s::text[], %(kinds)s::int[], %(messages)s::bigint[], %(latencies)s::text[]
) AS added (page_id, run_id, kind, messages, latencies)
ON CONFLICT (page_id, step_s, at, run_id, outcome, error_class) DO UPDATE SET
    messages = known.messages + excluded.messages,
    latencies = add_latencies(known.latencies, excluded.latencies)
