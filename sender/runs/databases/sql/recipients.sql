-- The next page of a run's recipients in key order. A recipient that stands there several times may come again
-- within the page, never in the next one. run_id is compared as it is, so that its index is used.
SELECT recipient_id::text, variables::text, extract(epoch FROM last_interaction_at)::float8, {time_zone}
FROM {recipients}
WHERE run_id = %(run_id)s AND recipient_id::text COLLATE "C" > %(cursor)s
    AND length(recipient_id::text) <= 500
ORDER BY recipient_id::text COLLATE "C"
LIMIT %(limit)s
