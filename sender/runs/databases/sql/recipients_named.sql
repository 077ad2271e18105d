-- These recipients of a run, in key order, which is their index's; those who do not stand there (any more) are missing.
-- One that stands there several times comes several times.
SELECT recipient_id::text, variables::text, extract(epoch FROM last_interaction_at)::float8, {time_zone}
FROM {recipients}
WHERE run_id = %(run_id)s AND recipient_id::text COLLATE "C" = ANY(%(recipient_ids)s)
ORDER BY recipient_id::text COLLATE "C"
