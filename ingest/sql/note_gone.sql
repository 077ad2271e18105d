-- Whom a new row says to be gone. Only new ones: a replay must not undo what a person has lifted.
INSERT INTO suppressions AS known (page_id, recipient_id, reason, since, run_id, by_whom)
SELECT page_id, recipient_id, 'recipient_gone', since, run_id, 'ingest'
FROM unnest(%(page_ids)s::text[], %(recipient_ids)s::text[], %(since)s::timestamptz[], %(run_ids)s::text[])
    AS gone (page_id, recipient_id, since, run_id)
ON CONFLICT (page_id, recipient_id, reason) DO UPDATE SET
    since = greatest(known.since, excluded.since),
    run_id = CASE WHEN excluded.since > known.since THEN excluded.run_id ELSE known.run_id END
