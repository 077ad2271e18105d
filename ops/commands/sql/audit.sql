-- The newest acts, newest first. since, target NULL: all of them.
SELECT at, who, what, target, detail, stream_id
FROM audit
WHERE (%(since)s::timestamptz IS NULL OR at >= %(since)s) AND (%(target)s::text IS NULL OR target = %(target)s)
ORDER BY at DESC, id DESC
LIMIT %(limit)s
