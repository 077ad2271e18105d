INSERT INTO log_figures AS known (share, step_s, at, outcome, error_class, messages, latencies)
SELECT %(share)s, 60, minute, outcome, error_class, messages, latencies::bigint[]
FROM unnest(
    %(minutes)s::timestamptz[], %(outcomes)s::text[], %(classes)s::text[], %(all_messages)s::bigint[],
    %(all_latencies)s::text[]
) AS added (minute, outcome, error_class, messages, latencies)
ON CONFLICT (step_s, at, share, outcome, error_class) DO UPDATE SET
    messages = known.messages + excluded.messages,
    latencies = add_latencies(known.latencies, excluded.latencies)
