-- Makes entries, or renews their notes, in key order, as the ingest does: the two wait for each other, and never deadlock.
INSERT INTO suppressions AS known (page_id, recipient_id, reason, since, by_whom, note)
SELECT DISTINCT ON (page_id, recipient_id) page_id, recipient_id, 'denied', now(), %(who)s, note
FROM deny_stage
ORDER BY page_id, recipient_id, note
ON CONFLICT (page_id, recipient_id, reason) DO UPDATE SET note = excluded.note
WHERE excluded.note IS DISTINCT FROM known.note AND excluded.note IS NOT NULL
