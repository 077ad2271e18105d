-- People whom runs leave out, in key order behind `after`. Each filter may be NULL.
SELECT entry.page_id, recipient_id, entry.reason, since, run_id, by_whom, note,
    runs.brake_rule IS DISTINCT FROM 'recipients-gone' AS confirmed
FROM suppressions entry LEFT JOIN runs USING (run_id)
WHERE (%(page)s::text IS NULL OR entry.page_id = %(page)s)
    AND (%(pages)s::text[] IS NULL OR entry.page_id = ANY(%(pages)s))
    AND (%(person)s::text IS NULL OR recipient_id = %(person)s)
    AND (%(reason)s::text IS NULL OR entry.reason = %(reason)s)
    AND (entry.page_id, recipient_id, entry.reason) > (%(after_page)s, %(after_person)s, %(after_reason)s)
    AND (lifted_at IS NULL OR lifted_at < since)
ORDER BY entry.page_id, recipient_id, entry.reason
LIMIT %(limit)s
