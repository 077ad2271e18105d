SELECT name, role, pages, created_at, created_by, last_used_at FROM api_keys WHERE revoked_at IS NULL ORDER BY name
