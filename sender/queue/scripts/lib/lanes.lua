-- uses: base, gcra
-- Lanes, and the turns of runs in them.

local HOLDERS = {'hold:source', 'hold:operator', 'hold:window', 'hold:registry'}
local PRIORITY_STEP = 1e11 -- a run's score in its lane: priority first, then whose turn it is

local function activate_lane(lane)
  if redis.call('ZSCORE', P .. 'ready', lane) or redis.call('ZSCORE', P .. 'waiting', lane) then return end
  local _, vt = lane_clock(lane)
  local clock = tonumber(redis.call('HGET', P .. 'app', 'vclock') or 0)
  redis.call('ZADD', P .. 'ready', math.max(vt, clock), lane)
end

-- Give the run a turn in its lane when it has waiting jobs and nobody holds it.
local function activate_run(run)
  local key = P .. 'run:' .. run
  local f = redis.call('HMGET', key, 'lane', 'state', 'priority', unpack(HOLDERS))
  if not f[1] or (f[2] ~= 'enqueuing' and f[2] ~= 'active') or f[7] or f[4] or f[5] or f[6] then return end
  if redis.call('LLEN', P .. 'jobs:' .. run) == 0 then return end
  local turn = redis.call('HINCRBY', P .. 'app', 'turn', 1)
  redis.call('ZADD', P .. 'lane:' .. f[1], 'NX', turn - tonumber(f[3]) * PRIORITY_STEP, run)
  activate_lane(f[1])
end

local function leave_lane(run)
  local lane = redis.call('HGET', P .. 'run:' .. run, 'lane')
  if lane then redis.call('ZREM', P .. 'lane:' .. lane, run) end
end
