-- What is old, and of what no person did also what is more than so many.
DELETE FROM audit
WHERE by_person AND at < now() - make_interval(days => %(days)s)
    OR NOT by_person AND at < greatest(now() - make_interval(days => %(days)s), (
        SELECT at FROM audit WHERE NOT by_person ORDER BY at DESC OFFSET %(happenings)s LIMIT 1))
