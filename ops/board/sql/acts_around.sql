-- The newest acts on each of these targets, people's and others'; but for the run itself none after a moment (NULL: now).
SELECT act.*
FROM unnest(%(targets)s::text[]) AS wanted (target)
CROSS JOIN LATERAL (
    SELECT at, who, what, audit.target, detail, stream_id, by_person
    FROM audit
    WHERE audit.target = wanted.target
        AND (%(until)s::timestamptz IS NULL OR wanted.target = %(run)s OR at <= %(until)s)
    ORDER BY at DESC
    LIMIT %(most)s
) AS act
