-- uses: base, clock, happenings
-- Leases of sessions.

-- Redis is heard of when somebody renews, or looks for the dead. A silence between two such moments is no sender's fault
-- when Redis was away, and all of it when the machine is busy; nobody can tell which it was. So it counts for half a
-- lease at most, and for nothing when it was longer than a lease: nobody can have kept his then. Whoever is dead is taken
-- over within three leases if no silence is longer than one: ops/decisions/0021.
local function hear(now, lease_us)
  local silence = now - tonumber(redis.call('HGET', P .. 'app', 'renewed_at_us') or 0)
  if silence < -1e6 then
    follow_clock(-silence)
  elseif silence > lease_us then
    move_leases(silence)
  elseif silence > lease_us / 2 then
    move_leases(silence - lease_us / 2)
  end
  redis.call('HSET', P .. 'app', 'renewed_at_us', int(now))
end

-- When no sender lives, nothing is sent: from when its lease ran out, or from its orderly end, until one is there again.
local ALL_SENDERS = {kind = 'senders', name = 'all pages', key = P .. 'app'}

-- Whose lease ends last: nil, there is no session; else when (us).
local function last_lease_us()
  return tonumber(redis.call('ZRANGE', P .. 'sessions', 0, 0, 'REV', 'WITHSCORES')[2])
end

local function note_sender_stops(now)
  if (last_lease_us() or 0) > now then return end
  redis.call('HSET', P .. 'app', 'senders_gone', '1')
  note_begin(ALL_SENDERS, 'senders', 'gone', 'the last one has stopped')
end

local function note_sender_comes(now)
  local last_us = last_lease_us()
  if last_us and last_us > now then return end
  local noted = redis.call('HDEL', P .. 'app', 'senders_gone') == 1
  if last_us and not noted then note_begin(ALL_SENDERS, 'senders', 'gone', 'the last one did not renew its lease', last_us) end
  if last_us or noted then note_end(ALL_SENDERS, 'senders', 'back') end
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
  hear(now, lease_us)
  go_on_shifting()
  redis.call('ZADD', P .. 'sessions', int(now + lease_us), session)
  note_releases(session)
end
