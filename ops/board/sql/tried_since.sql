-- The other runs that may have reached people of this one since: retries of its family that were taken after it.
SELECT other.run_id
FROM runs LEFT JOIN submitted_selections mine USING (run_id)
JOIN submitted_selections others ON others.root_run_id = coalesce(mine.root_run_id, runs.run_id)
JOIN runs other ON other.run_id = others.run_id
WHERE runs.run_id = %(run_id)s AND other.run_id <> runs.run_id AND other.taken_at >= runs.taken_at
ORDER BY other.taken_at, other.run_id
