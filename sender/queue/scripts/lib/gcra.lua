-- uses: base
-- The clock of a limit, as GCRA keeps it, and how many were let through in the last ten seconds.
--
-- Senders of the first release know a lane's clock as lane:L:pace. While one of them lives (`older_senders`, see
-- leases.lua) both keys are written and theirs counts, which is never behind, so that one limit counts for all.

local TEN_S = 10e6

-- How many a limit lets through now, and its starting point. A tenth of a second's worth may go at once.
-- A clock that was kept at another limit is stretched to this one: it stands for messages, not for time.
local function allowance(clock, limit, now, batch)
  local cell, burst = 1e6 / limit, math.max(limit / 10, 1.5, math.min(batch, limit))
  local ahead = math.max(clock.tat - now, 0)
  if clock.cell > 0 then ahead = ahead * cell / clock.cell end
  return math.floor((burst * cell - ahead) / cell + 1e-9), now + ahead, cell, burst
end

-- How many a second were let through lately (us since 1970): of the last ten seconds, or since it began.
local function rate(clock, now)
  local since = now - clock.from
  if since >= 2 * TEN_S or clock.from == 0 then return 0 end
  if since >= TEN_S then return clock.counted * (2 - since / TEN_S) / 10 end
  if clock.before > 0 then return (clock.counted + clock.before * (1 - since / TEN_S)) / 10 end
  return clock.counted * 1e6 / math.max(since, 1e6)
end

local CLOCK = {'tat_us', 'cell_us', 'counted', 'counted_before', 'counted_from_us'}

local function clock_of(f)
  return {
    tat = tonumber(f[1] or 0), cell = tonumber(f[2] or 0), counted = tonumber(f[3] or 0),
    before = tonumber(f[4] or 0), from = tonumber(f[5] or 0),
  }
end

local function read_clock(key)
  return clock_of(redis.call('HMGET', key, unpack(CLOCK)))
end

local function lane_clock(lane, older_senders)
  local clock = read_clock(P .. 'lane:' .. lane .. ':gcra')
  if older_senders then clock.tat = tonumber(redis.call('HGET', P .. 'lane:' .. lane .. ':pace', 'tat_us') or clock.tat) end
  return clock
end

local function count_up(clock, n, now)
  local since = now - clock.from
  if since >= TEN_S then
    clock.before = since < 2 * TEN_S and clock.counted or 0
    clock.counted, clock.from = 0, now
  end
  clock.counted = clock.counted + n
end

-- limit: what a share of is the pace (pace.lua).
local function write_clock(key, clock, tat, cell, limit)
  redis.call('HSET', key, 'tat_us', whole(tat), 'cell_us', cell, 'counted', clock.counted, 'counted_before', clock.before,
    'counted_from_us', whole(clock.from), 'limit', limit)
end
