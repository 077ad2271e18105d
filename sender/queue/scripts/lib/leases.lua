-- uses: base, clock
-- Leases of sessions.

-- When nobody has renewed for a third of a lease, Redis was away, and not its clients: nothing is taken over for a lease.
local function forgive_after_silence(now, lease_us)
  local last = tonumber(redis.call('HGET', P .. 'app', 'renewed_at_us') or 0)
  if now - last > lease_us / 3 then redis.call('HSET', P .. 'app', 'no_takeover_until_us', int(now + lease_us)) end
end

-- Senders of the first release do not know some of our fields; while one lives, `older_senders` tells us to write theirs.
local function note_releases(session)
  redis.call('SADD', P .. 'newer_sessions', session)
  local newer = 0
  for _, one in ipairs(redis.call('SMEMBERS', P .. 'newer_sessions')) do
    if redis.call('ZSCORE', P .. 'sessions', one) then newer = newer + 1 else redis.call('SREM', P .. 'newer_sessions', one) end
  end
  if redis.call('ZCARD', P .. 'sessions') > newer then
    redis.call('HSET', P .. 'app', 'older_senders', '1')
  else
    redis.call('HDEL', P .. 'app', 'older_senders')
  end
end

local function note_renewal(session, now, lease_us)
  local back_us = tonumber(redis.call('HGET', P .. 'app', 'renewed_at_us') or 0) - now
  if back_us > 1e6 then follow_clock(back_us) end
  go_on_shifting()
  forgive_after_silence(now, lease_us)
  redis.call('HSET', P .. 'app', 'renewed_at_us', int(now), 'lease_us', int(lease_us))
  redis.call('ZADD', P .. 'sessions', int(now + lease_us), session)
  note_releases(session)
end
