SELECT at, {outcome} AS outcome, {error_class} AS error_class, sum(messages)::bigint AS messages, {latencies} AS latencies
FROM page_figures
WHERE page_id = %(page)s AND step_s = ANY(%(steps)s) AND at >= %(since)s AND at < %(until)s AND {which}
    AND (%(run)s::text IS NULL OR run_id = %(run)s)
GROUP BY 1, 2, 3
