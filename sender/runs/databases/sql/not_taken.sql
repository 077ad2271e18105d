-- What stands here of this source, with how long it has, in seconds.
SELECT run_id, page_id, kind, reason, extract(epoch FROM clock_timestamp() - since)::float8
FROM not_taken WHERE source = %(source)s
