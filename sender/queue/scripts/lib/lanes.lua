-- uses: base, units
-- Lanes, and the turns of units (runs) in them.

local HOLDERS = {'hold:source', 'hold:operator', 'hold:window', 'hold:registry', 'hold:brake'}
local PRIORITY_STEP = 1e11 -- a unit's score in its lane: priority first, then whose turn it is

local function page_of(lane)
  return string.match(lane, '^(.*)/%a+$')
end

-- A page's two lanes share one virtual time: two lanes are no two shares.
local function activate_lane(lane)
  if redis.call('ZSCORE', P .. 'ready', lane) or redis.call('ZSCORE', P .. 'waiting', lane) then return end
  local vt = tonumber(redis.call('HGET', P .. 'page:' .. page_of(lane), 'vt') or 0)
  local clock = tonumber(redis.call('HGET', P .. 'app', 'vclock') or 0)
  redis.call('ZADD', P .. 'ready', math.max(vt, clock), lane)
end

-- Give the unit a turn in its lane when it has waiting jobs, nobody holds its run, and it waits for no moment.
local function activate_unit(unit)
  local run = run_of(unit)
  local f = redis.call('HMGET', P .. 'run:' .. run, 'lane', 'state', 'priority', unpack(HOLDERS))
  if not f[1] or (f[2] ~= 'enqueuing' and f[2] ~= 'active') then return end
  for i = 4, 3 + #HOLDERS do if f[i] then return end end
  if redis.call('LLEN', P .. list_of(unit)) == 0 or redis.call('ZSCORE', P .. 'parked', unit) then return end
  local turn = redis.call('HINCRBY', P .. 'app', 'turn', 1)
  redis.call('ZADD', P .. 'lane:' .. f[1], 'NX', turn - tonumber(f[3]) * PRIORITY_STEP, unit)
  activate_lane(f[1])
end

local function activate_run(run)
  for _, unit in ipairs(units_of(run)) do activate_unit(unit) end
end

local function leave_lane(run)
  local lane = redis.call('HGET', P .. 'run:' .. run, 'lane')
  if lane then redis.call('ZREM', P .. 'lane:' .. lane, unpack(units_of(run))) end
end

-- The unit's turns are over until a moment (ms).
local function park_unit(lane, unit, until_ms)
  redis.call('ZREM', P .. 'lane:' .. lane, unit)
  redis.call('ZADD', P .. 'parked', int(until_ms), unit)
end

-- What a run's parked units wait for has changed: the claim looks at them anew.
local function unpark_run(run)
  for _, unit in ipairs(units_of(run)) do redis.call('ZREM', P .. 'parked', unit) end
  activate_run(run)
end
