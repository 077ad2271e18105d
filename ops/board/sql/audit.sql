-- Acts, newest first, behind (after_at, after_stream, after_id). Each filter may be NULL. `who` may leave the place out, and
-- `what` its last words. THEIRS is audit_of_pages.sql, or true.
SELECT at, who, what, target, detail, stream_id, by_person, id
FROM audit
WHERE {theirs}
    AND (%(by_person)s::bool IS NULL OR by_person = %(by_person)s)
    AND (%(since)s::timestamptz IS NULL OR at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR at < %(until)s)
    AND (%(who)s::text IS NULL OR who = %(who)s OR starts_with(who, %(who)s || '@'))
    AND (%(what)s::text IS NULL OR what = %(what)s OR starts_with(what, %(what)s || ' '))
    AND (%(target)s::text IS NULL OR target = %(target)s)
    AND at <= %(after_at)s
    AND (at, coalesce(stream_id, '') COLLATE "C", id) < (%(after_at)s, %(after_stream)s COLLATE "C", %(after_id)s)
ORDER BY at DESC, coalesce(stream_id, '') COLLATE "C" DESC, id DESC
LIMIT %(limit)s
