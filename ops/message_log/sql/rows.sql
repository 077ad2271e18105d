-- Rows of the log behind a place, newest first. WHICH is what an index answers that ends in the moment.
-- The planner is to follow that index, whatever it thinks of the number of rows:
-- * The index's first column equals one of an array of one, and is ordered by. A plain equality would let the
--   planner read the index of moments alone until it has met enough rows of, say, a page that has been silent for days.
--   So is error_class where that IS NULL, which is no constant to the planner either.
-- * It is told no limit that it can see, so that it expects to read a tenth: of a run that began after the last ANALYZE
--   it expects nearly nothing, and would collect and sort all of it.
-- * The moments are values, not now(), so that days outside of them are left out beforehand.
SELECT {columns}
FROM message_logs
WHERE {which}
    AND sent_at >= %(since{n})s AND sent_at < %(until{n})s AND (sent_at, event_id) < (%(at)s, %(event_id)s)
ORDER BY {key}sent_at DESC, event_id DESC
LIMIT (SELECT %(limit)s::int)
