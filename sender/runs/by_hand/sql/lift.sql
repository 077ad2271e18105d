-- Takes people off the deny list, and lets those be written to again who could not be reached. These stay as lifted: rows
-- that are older than this, and still on their way, must not put them back.
WITH allowed AS (
    DELETE FROM suppressions
    WHERE page_id = %(page_id)s AND recipient_id = ANY(%(recipient_ids)s) AND reason = 'denied'
        AND reason = ANY(%(reasons)s)
    RETURNING recipient_id, reason
), lifted AS (
    UPDATE suppressions SET lifted_at = greatest(clock_timestamp(), since)
    WHERE page_id = %(page_id)s AND recipient_id = ANY(%(recipient_ids)s) AND reason = 'recipient_gone'
        AND reason = ANY(%(reasons)s) AND (lifted_at IS NULL OR lifted_at < since)
    RETURNING recipient_id, reason
)
SELECT recipient_id, reason FROM allowed UNION ALL SELECT recipient_id, reason FROM lifted
