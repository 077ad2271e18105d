-- uses: base
-- The clock of a limit, as GCRA keeps it, and how many were let through in the last ten seconds.
--
-- A clock is one packed value, `clock` of the app, `clock:text` and `clock:media` of a page: a claim reads and writes many,
-- and fields of their own would cost it a tenth more. {tat: us since 1970, kept at `cell` us a message; limit: without
-- what slows it down; counted, before, from: let through in the ten seconds from `from` (us) on, and in those before}.
--
-- Senders of the first release know a lane's clock as `tat_us` of lane:L:pace, and the app's as `tat_us`. While one of them
-- lives (`older_senders`, see leases.lua) these are written too and count, being never behind: one limit counts for all.

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

local function unpack_clock(packed)
  if packed then return cmsgpack.unpack(packed) end
  return {tat = 0, cell = 0, limit = 0, counted = 0, before = 0, from = 0}
end

local function read_clock(key, field)
  return unpack_clock(redis.call('HGET', key, field))
end

local function older_clock(clock, key)
  clock.tat = tonumber(redis.call('HGET', key, 'tat_us') or clock.tat)
end

local function count_up(clock, n, now)
  local since = now - clock.from
  if since >= TEN_S then
    clock.before = since < 2 * TEN_S and clock.counted or 0
    clock.counted, clock.from = 0, now
  end
  clock.counted = clock.counted + n
end

local function packed_clock(clock, tat, cell, limit)
  clock.tat, clock.cell, clock.limit = whole(tat), cell, limit
  return cmsgpack.pack(clock)
end
