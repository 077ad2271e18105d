-- uses: base, clock
-- Leases of sessions.

-- When nobody has renewed for a third of a lease, Redis was away, and not its clients: nothing is taken over for a lease.
local function forgive_after_silence(now, lease_us)
  local last = tonumber(redis.call('HGET', P .. 'app', 'renewed_at_us') or 0)
  if now - last > lease_us / 3 then redis.call('HSET', P .. 'app', 'no_takeover_until_us', int(now + lease_us)) end
end

local function note_renewal(session, now, lease_us)
  local back_us = tonumber(redis.call('HGET', P .. 'app', 'renewed_at_us') or 0) - now
  if back_us > 1e6 then follow_clock(back_us) end
  forgive_after_silence(now, lease_us)
  redis.call('HSET', P .. 'app', 'renewed_at_us', int(now), 'lease_us', int(lease_us))
  redis.call('ZADD', P .. 'sessions', int(now + lease_us), session)
end
