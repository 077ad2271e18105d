-- Runs taken up to a moment that the registry believes to be under way; when they were taken in seconds since 1970.
SELECT run_id, page_id, source, queue_epoch, extract(epoch FROM taken_at)::float8
FROM runs WHERE state NOT IN ('finished', 'refused') AND taken_at <= %(before)s
ORDER BY taken_at, run_id
