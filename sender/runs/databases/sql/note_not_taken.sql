-- Puts these in the place of all that stands here of this source. What goes on keeps since when.
-- In one order, so that two processors at once do not lock each other out.
WITH over AS (DELETE FROM not_taken WHERE source = %(source)s AND run_id <> ALL(%(run_ids)s))
INSERT INTO not_taken (source, run_id, page_id, kind, reason)
SELECT %(source)s, * FROM unnest(%(run_ids)s::text[], %(page_ids)s::text[], %(kinds)s::text[], %(reasons)s::text[])
    AS now (run_id)
ORDER BY run_id
ON CONFLICT (source, run_id) DO UPDATE SET (page_id, kind, reason) = (EXCLUDED.page_id, EXCLUDED.kind, EXCLUDED.reason),
    since = CASE WHEN not_taken.kind = EXCLUDED.kind THEN not_taken.since ELSE now() END
    WHERE (not_taken.page_id, not_taken.kind, not_taken.reason)
        IS DISTINCT FROM (EXCLUDED.page_id, EXCLUDED.kind, EXCLUDED.reason)
