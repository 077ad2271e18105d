-- uses: base
-- The clock of a limit, as GCRA keeps it, and beside it a lane's virtual time.
--
-- Senders of the first release know these of a lane as lane:L:pace, and may run beside ours during an upgrade. For one
-- limit to count for all, ours write both keys and read theirs, which is never behind. lane:L:pace may go as soon as nobody upgrades
-- from that release any more.

-- How many cells a GCRA lets through now, and its starting point. A tenth of a second's worth may go at once.
local function allowance(tat, limit, now, batch)
  local cell, burst = 1e6 / limit, math.max(limit / 10, 1.5, batch)
  local from = math.max(tat, now)
  return math.floor((now + burst * cell - from) / cell + 1e-9), from, cell, burst
end

-- Returns tat_us and vt.
local function lane_clock(lane)
  local clock = redis.call('HMGET', P .. 'lane:' .. lane .. ':pace', 'tat_us', 'vt')
  if not clock[1] then clock = redis.call('HMGET', P .. 'lane:' .. lane .. ':gcra', 'tat_us', 'vt') end
  return tonumber(clock[1] or 0), tonumber(clock[2] or 0)
end

local function set_lane_clock(lane, tat_us, vt)
  for _, name in ipairs({':gcra', ':pace'}) do
    redis.call('HSET', P .. 'lane:' .. lane .. name, 'tat_us', int(tat_us), 'vt', tostring(vt))
  end
end
