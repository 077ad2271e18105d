-- Runs that ask for something by a word that is not known, but nearly one that is.
SELECT run_id::text, coalesce(page_id::text, ''), status::text
FROM {runs}
WHERE status::text NOT IN ('queued', 'paused', 'cancelled') AND status::text ~* '^\s*(q+u?e+u|paus|cancel)'
ORDER BY run_id::text COLLATE "C"
LIMIT 100
