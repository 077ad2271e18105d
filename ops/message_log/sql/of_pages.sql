-- Of each of some pages the rows that LIST reads of it.
SELECT found.*
FROM unnest(%(pages)s::text[]) theirs (page_id) CROSS JOIN LATERAL ({list}) found
