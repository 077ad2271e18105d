-- Minutes of the figures of pages that are older than a day, into their hours. A minute that a late row makes again is
-- folded once more. In key order, as the ingest adds to them; so many at a time that nobody waits for long.
WITH old AS (
    SELECT page_id, step_s, at, run_id, outcome, error_class
    FROM page_figures
    WHERE step_s = 60 AND at < now() - interval '1 day'
    ORDER BY page_id, step_s, at, run_id, outcome, error_class
    LIMIT %(most)s
    FOR UPDATE
), gone AS (
    DELETE FROM page_figures p USING old
    WHERE (p.page_id, p.step_s, p.at, p.run_id, p.outcome, p.error_class)
        = (old.page_id, old.step_s, old.at, old.run_id, old.outcome, old.error_class)
    RETURNING p.page_id, p.at, p.run_id, p.outcome, p.error_class, messages, latencies
)
INSERT INTO page_figures AS known (page_id, step_s, at, run_id, outcome, error_class, messages, latencies)
SELECT page_id, 3600, date_trunc('hour', at, 'UTC'), run_id, outcome, error_class, sum(messages), ARRAY[
        sum(latencies[1]), sum(latencies[2]), sum(latencies[3]), sum(latencies[4]), sum(latencies[5]),
        sum(latencies[6]), sum(latencies[7]), sum(latencies[8]), sum(latencies[9]), sum(latencies[10]),
        sum(latencies[11]), sum(latencies[12]), sum(latencies[13]), sum(latencies[14]), sum(latencies[15]),
        sum(latencies[16]), sum(latencies[17]), sum(latencies[18]), sum(latencies[19]), sum(latencies[20]),
        sum(latencies[21]), sum(latencies[22]), sum(latencies[23]), sum(latencies[24])
    ]::bigint[]
FROM gone
GROUP BY page_id, date_trunc('hour', at, 'UTC'), run_id, outcome, error_class
ORDER BY 1, 2, 3, 4, 5, 6
ON CONFLICT (page_id, step_s, at, run_id, outcome, error_class) DO UPDATE SET
    messages = known.messages + excluded.messages,
    latencies = add_latencies(known.latencies, excluded.latencies)
