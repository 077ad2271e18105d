-- uses: base, packed, gcra, lanes, runs, claims
-- ARGV: session, claim id, want, outbox bound, batch size, default limit text, default limit media, app limit (0: none).
-- Takes up to `want` jobs of those who may send now: lanes in the order of their virtual time, runs of a lane in turn.
-- Returns {status, now_us, wait_us, {run, page, state, token version, records ...} ...}; wait_us: nothing new before, -1: unknown.
local session, id, want, bound, batch = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local limits = {text = tonumber(ARGV[6]), media = tonumber(ARGV[7])}
local app_limit = tonumber(ARGV[8])

local function park(lane, until_us)
  redis.call('ZREM', P .. 'ready', lane)
  redis.call('ZADD', P .. 'waiting', int(until_us), lane)
end

local status, now = may_claim(session, bound), now_us()
if status ~= 'ok' then return {status, int(now), '-1'} end
local again = repeat_claim(session, 'send', id)
if again then return {'ok', int(now), '0', unpack(again)} end

-- Retries whose time has come go to the front of their run.
local function move_due()
  local due = redis.call('ZRANGE', P .. 'delayed', '-inf', int(now / 1000), 'BYSCORE', 'LIMIT', 0, 200)
  if #due == 0 then return end
  local runs = {}
  for _, tagged in ipairs(due) do
    local run, record = split(tagged)
    redis.call('LPUSH', P .. 'jobs:' .. run, record)
    runs[run] = true
  end
  redis.call('ZREM', P .. 'delayed', unpack(due))
  for run in pairs(runs) do activate_run(run) end
end

move_due()

local app = redis.call('HMGET', P .. 'app', 'paused_until_ms', 'tat_us')
local paused_us = tonumber(app[1] or 0) * 1000
if paused_us > now then return {'paused', int(now), int(paused_us - now)} end
local app_from, app_cell
if app_limit > 0 then
  local may, from, cell, burst = allowance(tonumber(app[2] or 0), app_limit, now, batch)
  if may < 1 then return {'paused', int(now), int(from - now - (burst - 1) * cell)} end
  want, app_from, app_cell = math.min(want, may), from, cell
end

for _, lane in ipairs(redis.call('ZRANGE', P .. 'waiting', '-inf', int(now), 'BYSCORE', 'LIMIT', 0, 500)) do
  redis.call('ZREM', P .. 'waiting', lane)
  activate_lane(lane)
end

-- Serve one lane; returns how many jobs it gave.
local function serve(lane, vt, most, answer, ids)
  local run = redis.call('ZRANGE', P .. 'lane:' .. lane, 0, 0)[1]
  if not run then
    redis.call('ZREM', P .. 'ready', lane)
    return 0
  end
  local key = P .. 'run:' .. run
  local r = redis.call('HMGET', key, 'page', 'expires_at_ms', 'priority', 'state')
  if tonumber(r[2] or 0) * 1000 <= now then
    begin_drain(run, 'expired', now)
    return 0
  end
  local content = string.match(lane, '/(%a+)$')
  local page = P .. 'page:' .. r[1]
  local p = redis.call('HMGET', page, 'paused_until_ms', 'breaker', 'retry_at_ms', 'weight', 'limit_' .. content, 'token_version')
  local paused = tonumber(p[1] or 0) * 1000
  if p[2] == 'open' or p[2] == 'half_open' then paused = math.max(paused, tonumber(p[3] or 0) * 1000) end
  if paused > now then
    park(lane, paused)
    return 0
  end
  local probe = p[2] == 'open' or p[2] == 'half_open'
  local limit = tonumber(p[5] or limits[content])
  local tat_us = lane_clock(lane)
  local may, from, cell, burst = allowance(tat_us, limit, now, batch)
  if may < 1 then
    park(lane, from - (burst - 1) * cell)
    return 0
  end
  if probe then most = 1 end
  local group = {run, r[1], r[4], p[6] or '0'}
  local taken = take(session, run, math.min(most, may), group, ids)
  if taken > 0 then answer[#answer + 1] = group end
  if redis.call('LLEN', P .. 'jobs:' .. run) == 0 then
    redis.call('ZREM', P .. 'lane:' .. lane, run)
  else
    local turn = redis.call('HINCRBY', P .. 'app', 'turn', 1)
    redis.call('ZADD', P .. 'lane:' .. lane, turn - tonumber(r[3]) * PRIORITY_STEP, run)
  end
  vt = vt + taken / tonumber(p[4] or 1)
  set_lane_clock(lane, from + taken * cell, vt)
  if probe then -- one message tells whether the page works again; the others wait for its answer
    redis.call('HSET', page, 'breaker', 'half_open', 'retry_at_ms', int(now / 1000 + 30000))
    park(lane, now + 30e6)
  elseif may - taken < 1 then
    park(lane, from + (taken + 1 - burst) * cell)
  else
    redis.call('ZADD', P .. 'ready', vt, lane)
  end
  return taken
end

-- A lane's turn costs about as much as ten jobs; virtual time sees to it that turns of several jobs stay fair.
local TURN = 10
local answer, ids, left = {'ok', int(now), '0'}, {}, want
for _ = 1, 1000 do
  if left < 1 then break end
  local first = redis.call('ZRANGE', P .. 'ready', 0, 0, 'WITHSCORES')
  if not first[1] then break end
  local share = math.max(batch, TURN, math.ceil(left / redis.call('ZCARD', P .. 'ready')))
  left = left - serve(first[1], tonumber(first[2]), math.min(left, share), answer, ids)
  redis.call('HSET', P .. 'app', 'vclock', first[2])
end
if #ids > 0 then
  remember_claim(session, 'send', id, ids)
  if app_cell then redis.call('HSET', P .. 'app', 'tat_us', int(app_from + #ids * app_cell)) end
end
if left > 0 then -- say when there can be more
  local next_us = -1
  local lane = redis.call('ZRANGE', P .. 'waiting', 0, 0, 'WITHSCORES')
  if lane[2] then next_us = math.max(0, lane[2] - now) end
  local due = redis.call('ZRANGE', P .. 'delayed', 0, 0, 'WITHSCORES')
  if due[2] and (next_us < 0 or due[2] * 1000 - now < next_us) then next_us = math.max(0, due[2] * 1000 - now) end
  answer[3] = int(next_us)
end
return answer
