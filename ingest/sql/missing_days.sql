-- A day whose name another table has is left alone (somebody detached it to keep it), and a dropped day stays dropped.
SELECT day FROM unnest(%(days)s::date[], %(names)s::text[]) AS wanted (day, name)
WHERE to_regclass(name) IS NULL AND NOT EXISTS (SELECT FROM dropped_days dropped WHERE dropped.day = wanted.day)
ORDER BY day
