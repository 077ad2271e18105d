-- uses: base, units, lanes
-- How runs end.

local function finish_if_done(run, now)
  local key = P .. 'run:' .. run
  local f = redis.call('HMGET', key, 'enqueued', 'left', 'state')
  if f[1] ~= '1' or tonumber(f[2]) > 0 or f[3] == 'finished' then return end
  local ended_as = f[3] == 'active' and 'complete' or f[3]
  redis.call('HSET', key, 'state', 'finished', 'ended_as', ended_as, 'finished_at_ms', int(now / 1000))
  redis.call('ZADD', P .. 'finished', int(now / 1000), run)
  redis.call('ZREM', P .. 'expiries', run)
  redis.call('SREM', P .. 'draining', run)
  redis.call('SREM', P .. 'asides', run)
  redis.call('SREM', P .. 'doubted', run)
  leave_lane(run)
  delete_units(run)
  redis.call('DEL', P .. 'aside:' .. run)
end

-- A cancelled or expired run: its jobs are handed out only to be settled, slowly.
local function begin_drain(run, state, now)
  local key = P .. 'run:' .. run
  redis.call('HSET', key, 'state', state)
  if state == 'cancelled' then redis.call('HSET', key, 'enqueued', '1') end
  leave_lane(run)
  redis.call('ZREM', P .. 'expiries', run)
  redis.call('SADD', P .. 'draining', run)
  finish_if_done(run, now)
end
