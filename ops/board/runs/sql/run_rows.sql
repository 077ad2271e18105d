-- Runs as this database knows them: registered ones, submitted ones that were not taken yet, those of the source that are
-- due later, and those that wait or are never taken, with the reason; newest first. Any of the parameters may be NULL.
WITH found AS (
    SELECT * FROM (
    (SELECT run_id, r.page_id, source, state, coalesce(n.reason, r.reason) AS reason,
        n.kind IS NOT DISTINCT FROM 'waiting' AS waits_for_recipients, recipients, enqueued_at IS NOT NULL AS enqueued,
        outcomes, priority, parent_run_id, scheduled_at, expires_at, taken_at, finished_at, ended_as, true AS taken,
        taken_at AS listed_at
    FROM runs r LEFT JOIN not_taken n USING (source, run_id)
    WHERE (%(run_ids)s::text[] IS NULL OR run_id = ANY(%(run_ids)s))
        AND (%(from_id)s::text IS NULL OR (run_id COLLATE "C" >= %(from_id)s AND run_id COLLATE "C" < %(to_id)s))
        AND (%(pages)s::text[] IS NULL OR r.page_id = ANY(%(pages)s))
        AND (%(states)s::text[] IS NULL OR coalesce(nullif(ended_as, 'complete'), state) = ANY(%(states)s))
        AND (%(after_at)s::timestamptz IS NULL OR (taken_at, run_id COLLATE "C") < (%(after_at)s, %(after_id)s))
    ORDER BY taken_at DESC, run_id COLLATE "C" DESC
    LIMIT %(limit)s)
    UNION ALL
    (SELECT run_id, s.page_id, 'submitted', CASE WHEN status <> 'queued' THEN status WHEN kind = 'waiting' THEN kind ELSE 'submitted' END,
        n.reason, kind IS NOT DISTINCT FROM 'waiting',
        -- of one that a former release stored, counted up to a bound; those of a retry stand in another run
        CASE WHEN parent_run_id IS NULL THEN coalesce(recipient_count, (
            SELECT CASE WHEN count(*) <= 10000 THEN count(*) END
            FROM (SELECT FROM submitted_recipients named WHERE named.run_id = s.run_id LIMIT 10001) counted)) END,
        false, '{}', coalesce(priority, 0), parent_run_id, scheduled_at, expires_at, created_at, NULL,
        CASE WHEN status = 'cancelled' THEN status END, false, created_at
    FROM submitted_runs s LEFT JOIN not_taken n USING (run_id)
    WHERE NOT taken AND status IN ('queued', 'paused', 'cancelled')
        AND (%(run_ids)s::text[] IS NULL OR run_id = ANY(%(run_ids)s))
        AND (%(from_id)s::text IS NULL OR (run_id COLLATE "C" >= %(from_id)s AND run_id COLLATE "C" < %(to_id)s))
        AND (%(pages)s::text[] IS NULL OR s.page_id = ANY(%(pages)s))
        AND (%(states)s::text[] IS NULL
            OR %(states)s::text[] && ARRAY[CASE WHEN scheduled_at > now() THEN 'scheduled' ELSE 'submitted' END, status, kind])
        AND (%(after_at)s::timestamptz IS NULL OR (created_at, run_id COLLATE "C") < (%(after_at)s, %(after_id)s))
    ORDER BY created_at DESC, run_id COLLATE "C" DESC
    LIMIT %(limit)s)
    UNION ALL
    (SELECT run_id, page_id, 'source', 'scheduled', NULL, false, NULL, false, '{}', 0, NULL, scheduled_at, NULL, NULL, NULL,
        NULL, false, scheduled_at
    FROM scheduled_runs s
    WHERE (SELECT runs.run_id FROM runs WHERE runs.run_id = s.run_id) IS NULL -- few rows: each is looked up by its index
        AND NOT EXISTS (SELECT FROM not_taken n WHERE n.source = 'source' AND n.run_id = s.run_id)
        AND (%(run_ids)s::text[] IS NULL OR run_id = ANY(%(run_ids)s))
        AND (%(from_id)s::text IS NULL OR (run_id COLLATE "C" >= %(from_id)s AND run_id COLLATE "C" < %(to_id)s))
        AND (%(pages)s::text[] IS NULL OR page_id = ANY(%(pages)s))
        AND (%(states)s::text[] IS NULL OR CASE WHEN scheduled_at > now() THEN 'scheduled' ELSE 'due' END = ANY(%(states)s))
        AND (%(after_at)s::timestamptz IS NULL OR (scheduled_at, run_id COLLATE "C") < (%(after_at)s, %(after_id)s))
    ORDER BY scheduled_at DESC, run_id COLLATE "C" DESC
    LIMIT %(limit)s)
    UNION ALL
    (SELECT run_id, page_id, source, CASE kind WHEN 'waiting' THEN kind ELSE 'not_taken' END, reason, kind = 'waiting', NULL,
        false, '{}', 0, NULL, NULL, NULL, since, NULL, NULL, false, since
    FROM not_taken n
    WHERE (SELECT runs.run_id FROM runs WHERE runs.run_id = n.run_id) IS NULL
        AND (SELECT s.run_id FROM submitted_runs s WHERE s.run_id = n.run_id) IS NULL
        AND (%(run_ids)s::text[] IS NULL OR run_id = ANY(%(run_ids)s))
        AND (%(from_id)s::text IS NULL OR (run_id COLLATE "C" >= %(from_id)s AND run_id COLLATE "C" < %(to_id)s))
        AND (%(pages)s::text[] IS NULL OR page_id = ANY(%(pages)s))
        AND (%(states)s::text[] IS NULL OR CASE kind WHEN 'waiting' THEN kind ELSE 'not_taken' END = ANY(%(states)s))
        AND (%(after_at)s::timestamptz IS NULL OR (since, run_id COLLATE "C") < (%(after_at)s, %(after_id)s))
    ORDER BY since DESC, run_id COLLATE "C" DESC
    LIMIT %(limit)s)
    ) of_all
    ORDER BY listed_at DESC, run_id COLLATE "C" DESC
    LIMIT %(limit)s
)
SELECT found.*, pages.name AS page_name, coalesce(figures.log, '{}') AS log
FROM found LEFT JOIN known_pages pages USING (page_id) LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(outcome, messages) AS log
    FROM (SELECT outcome, sum(messages)::bigint AS messages FROM run_figures f WHERE f.run_id = found.run_id AND found.taken GROUP BY 1) sums
) figures ON true
ORDER BY listed_at DESC, run_id COLLATE "C" DESC
