INSERT INTO page_figures AS known (page_id, step_s, at, outcome, messages, latencies)
SELECT page_id, 60, minute, outcome, messages, latencies::bigint[]
FROM unnest(
    %(page_ids)s::text[], %(minutes)s::timestamptz[], %(outcomes)s::text[], %(messages)s::bigint[], %(latencies)s::text[]
) AS added (page_id, minute, outcome, messages, latencies)
ON CONFLICT (page_id, step_s, at, outcome) DO UPDATE SET
    messages = known.messages + excluded.messages,
    latencies = add_latencies(known.latencies, excluded.latencies)
