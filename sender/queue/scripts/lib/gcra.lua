-- uses: base
-- The clock of a limit, as GCRA keeps it, and beside it a lane's virtual time.

-- How many cells a GCRA lets through now, and its starting point. A tenth of a second's worth may go at once.
local function allowance(tat, limit, now, batch)
  local cell, burst = 1e6 / limit, math.max(limit / 10, 1.5, batch)
  local from = math.max(tat, now)
  return math.floor((now + burst * cell - from) / cell + 1e-9), from, cell, burst
end

-- Returns tat_us and vt.
local function lane_clock(lane)
  local f = redis.call('HMGET', P .. 'lane:' .. lane .. ':pace', 'tat_us', 'vt')
  return tonumber(f[1] or 0), tonumber(f[2] or 0)
end

local function set_lane_clock(lane, tat_us, vt)
  redis.call('HSET', P .. 'lane:' .. lane .. ':pace', 'tat_us', int(tat_us), 'vt', tostring(vt))
end
