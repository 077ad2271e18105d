-- Moments that cannot be true: as `implausible` in sender/message/window.py.
SELECT count(*) FILTER (
    WHERE last_interaction_at > now() + interval '5 minutes' OR last_interaction_at < '2015-01-01T00:00:00Z'
)
FROM (SELECT last_interaction_at FROM {recipients} LIMIT %(most)s) sample
