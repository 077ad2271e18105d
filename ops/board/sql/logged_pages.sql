-- Pages that ever had a run, by id, each with how many of its runs have not ended: few runs, which have an index.
SELECT page_id, name, coalesce(runs, 0) AS runs
FROM known_pages LEFT JOIN (
    SELECT page_id, count(*)::int AS runs FROM runs WHERE state NOT IN ('finished', 'refused') GROUP BY page_id
) unfinished USING (page_id)
WHERE ever_ran
ORDER BY page_id
LIMIT %(limit)s
