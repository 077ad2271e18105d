-- Returns the run when it is new; of one that stays refused, the reason may be another by now.
WITH still AS (
    UPDATE runs SET reason = %(reason)s,
        finished_at = CASE WHEN finished_at < now() - interval '1 day' THEN now() ELSE finished_at END
    WHERE run_id = %(run_id)s AND state = 'refused' AND reason IS DISTINCT FROM %(reason)s
)
INSERT INTO runs (run_id, page_id, source, state, reason, parent_run_id, messaging_type, tag, finished_at,
    refused_for_now)
VALUES (%(run_id)s, %(page_id)s, %(source)s, 'refused', %(reason)s, %(parent_run_id)s, %(messaging_type)s, %(tag)s,
    now(), %(for_now)s)
ON CONFLICT (run_id) DO NOTHING
RETURNING run_id
