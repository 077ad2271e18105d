SELECT name, role, pages, subject IS NOT NULL AS by_provider, disabled, created_at, created_by,
    (SELECT count(*) FROM sessions WHERE user_name = name AND expires_at > now()) AS sessions,
    (SELECT max(last_seen_at) FROM sessions WHERE user_name = name) AS last_seen_at
FROM users ORDER BY name
