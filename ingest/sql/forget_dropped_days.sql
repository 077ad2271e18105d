-- By then no event of that day can still be in a topic.
DELETE FROM dropped_days WHERE day < %(today)s::date - greatest(400, %(keep_days)s::int)
