-- Part of audit.sql: acts on these pages, and on runs of theirs. A run and a page may bear one name, and so may a user.
(starts_with(what, 'run '), target) IN (
    SELECT false, unnest(%(pages)s::text[])
    UNION ALL SELECT true, run_id FROM runs WHERE page_id = ANY(%(pages)s)
    UNION ALL SELECT true, run_id FROM submitted_runs WHERE NOT taken AND page_id = ANY(%(pages)s)
    UNION ALL SELECT true, run_id FROM not_taken WHERE page_id = ANY(%(pages)s)
) AND split_part(what, ' ', 1) IN ('run', 'page', 'limits', 'suppression', 'person')
