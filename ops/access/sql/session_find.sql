-- Whose session this is, as they are now; when it was last seen is noted once a minute, or twice in the idle time.
WITH found AS (
    SELECT id_hash, name, role, pages, last_seen_at FROM sessions JOIN users ON name = user_name
    WHERE id_hash = %(hash)s AND NOT disabled AND expires_at > now()
        AND last_seen_at > now() - make_interval(secs => %(idle_s)s)
), seen AS (
    UPDATE sessions SET last_seen_at = now() FROM found
    WHERE sessions.id_hash = found.id_hash AND found.last_seen_at < now() - least(interval '1 minute', make_interval(secs => %(idle_s)s / 2))
)
SELECT name, role, pages FROM found
