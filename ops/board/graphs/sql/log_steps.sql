SELECT at, {outcome} AS outcome, {error_class} AS error_class, sum(messages)::bigint AS messages, {latencies} AS latencies
FROM log_figures
WHERE step_s = ANY(%(steps)s) AND at >= %(since)s AND at < %(until)s AND {which}
GROUP BY 1, 2, 3
