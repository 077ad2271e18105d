#!lua flags=allow-oom
-- uses: base, pace, packed, two_clocks, clock, gcra, hours, units, claims, lanes, pages, persons, runs
-- ARGV: session, claim id, want, outbox bound, batch size, default limit text, default limit media, app limit (0: none),
-- the caller's wall clock (ms).
-- Takes up to `want` jobs of those who may send now: lanes in the order of their page's virtual time, units of a lane in turn.
-- Returns {status, now_us, wait_us, group ...}; wait_us: nothing new before, -1: unknown. A group: see claims.lua.
local session, id, want, bound, batch = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local limits = {text = tonumber(ARGV[6]), media = tonumber(ARGV[7])}
local app_limit, wall_ms = tonumber(ARGV[8]), tonumber(ARGV[9])
local APP = P .. 'app'

local status, now = may_claim(session, bound), now_us()
local now_ms = now / 1000
if status ~= 'ok' then return {status, int(now), '-1'} end
local again = repeat_claim(session, 'send', id)
if again then return {'ok', int(now), '0', unpack(again)} end

local lanes -- how many were ready, less those that have left

local function leave_ready(lane)
  lanes = lanes - redis.call('ZREM', P .. 'ready', lane)
end

local function park(lane, until_us)
  leave_ready(lane)
  redis.call('ZADD', P .. 'waiting', whole(until_us), lane)
end

-- What has waited long enough: retries go to the front of their lists, units and lanes take their turns again.
local function wake()
  local due, units = redis.call('ZRANGE', P .. 'delayed', '-inf', int(now_ms), 'BYSCORE', 'LIMIT', 0, 200), {}
  for _, tagged in ipairs(due) do
    local run, record = split(tagged)
    local unit = queue_record('LPUSH', run, record)
    if unit then units[unit] = true end
  end
  if #due > 0 then redis.call('ZREM', P .. 'delayed', unpack(due)) end
  for _, unit in ipairs(redis.call('ZRANGE', P .. 'parked', '-inf', int(now_ms), 'BYSCORE', 'LIMIT', 0, 200)) do
    redis.call('ZREM', P .. 'parked', unit)
    units[unit] = true
  end
  for unit in pairs(units) do activate_unit(unit) end
  for _, lane in ipairs(redis.call('ZRANGE', P .. 'waiting', '-inf', int(now), 'BYSCORE', 'LIMIT', 0, 500)) do
    redis.call('ZREM', P .. 'waiting', lane)
    activate_lane(lane)
  end
end

wake()
local app = redis.call('HMGET', APP, 'paused_until_ms', 'probe', 'slowed', 'older_senders', 'shift_us', 'turn', 'clock')
if app[5] then go_on_shifting() end
local paused_us = tonumber(app[1] or 0) * 1000
if paused_us > now then return {'paused', int(now), int(paused_us - now)} end
local app_probes, older_senders, turn = app[2], app[4], tonumber(app[6] or 0)
local app_clock = unpack_clock(app[7])
if older_senders then older_clock(app_clock, APP) end
local app_from, app_cell
if app[3] then
  local f = read_pace(APP)
  app_limit = app_limit_now(f, app_limit, now) or 0
  forget_pace({kind = 'app', name = 'app', key = APP}, f, now)
end
if app_limit > 0 then
  local may, from, cell, burst = allowance(app_clock, app_limit, now, batch)
  if may < 1 then return {'paused', int(now), int(from - now - (burst - 1) * cell)} end
  want, app_from, app_cell = math.min(want, may), from, cell
end
if app_probes then want = 1 end

-- Whether the unit that is first in its lane may be served; else it leaves the lane. Returns until when (ms; 0: always).
local function open_until(lane, unit, run, zone, expires_ms, closes_ms)
  if both_past(expires_ms, now_ms, wall_ms) then
    begin_drain(run, 'expired', now)
    return nil
  end
  if expires_ms <= now_ms then -- Redis's clock alone says so
    park_unit(lane, unit, now_ms + SECOND_OPINION_MS)
    return nil
  end
  if closes_ms == 0 or closes_ms > now_ms then return closes_ms end
  local until_ms, opens_ms = look_at_hours(run, zone, now_ms, wall_ms)
  if not until_ms then park_unit(lane, unit, opens_ms) end
  return until_ms
end

local function read_page(page, key, content)
  local f = redis.call('HMGET', key, 'limit_' .. content, 'paused_until_ms', 'probe', 'breaker', 'weight', 'token_version', 'vt',
    'last_run', 'last_at_us', 'shared_until_us', 'denied', 'slowed', 'clock:' .. content)
  local limit = tonumber(f[1] or limits[content])
  local p = {
    limit = limit, full_limit = limit, paused_until_ms = f[2], probe = f[3], breaker = f[4], weight = f[5], token_version = f[6],
    vt = f[7], last_run = f[8], last_at_us = f[9], shared_until_us = f[10], denied = f[11], slowed = f[12],
    clock = unpack_clock(f[13]),
  }
  if p.slowed then
    local pace = read_pace(key)
    p.limit, p.full_limit = page_limit_now(pace, limit, content, now)
    forget_pace({kind = 'page', name = page, key = key}, pace, now)
  end
  p.tried = p.breaker == 'open' or p.breaker == 'half_open'
  p.paused_us = tonumber(p.paused_until_ms or 0) * 1000
  if p.tried then p.paused_us = math.max(p.paused_us, tonumber(redis.call('HGET', key, 'retry_at_ms') or 0) * 1000) end
  return p
end

-- One message tells whether the page works again; the others wait for its answer.
local function probe_goes(key, p)
  local until_ms = int(now_ms + PROBE_MS)
  if p.tried then redis.call('HSET', key, 'breaker', 'half_open', 'retry_at_ms', until_ms) end
  if p.probe then redis.call('HSET', key, 'probe', 'out', 'paused_until_ms', until_ms) end
end

-- A lane at its limit waits until it has room again. What slows its page down may end before: it is looked at each second.
local function park_at_limit(lane, p, until_us)
  park(lane, p.slowed and math.min(until_us, now + 1e6) or until_us)
end

-- Serve one lane; returns how many jobs it gave.
local function serve(lane, turn_vt, most, answer, ids)
  local unit = redis.call('ZRANGE', P .. 'lane:' .. lane, 0, 0)[1]
  if not unit then
    leave_ready(lane)
    return 0
  end
  local run, zone = run_of(unit)
  local r = redis.call('HMGET', P .. 'run:' .. run, 'page', 'expires_at_ms', 'priority', 'state', 'closes:' .. zone)
  local closes_ms = open_until(lane, unit, run, zone, tonumber(r[2] or 0), tonumber(r[5] or -1))
  if not closes_ms then return 0 end
  local content, key = string.match(lane, '/(%a+)$'), P .. 'page:' .. r[1]
  local p = read_page(r[1], key, content)
  local vt = tonumber(p.vt or 0)
  if vt > turn_vt then -- its other lane had a turn meanwhile
    redis.call('ZADD', P .. 'ready', vt, lane)
    return 0
  end
  if p.paused_us > now then
    park(lane, p.paused_us)
    return 0
  end
  local clock = p.clock
  if older_senders then older_clock(clock, P .. 'lane:' .. lane .. ':pace') end
  local may, from, cell, burst = allowance(clock, p.limit, now, batch)
  if may < 1 then
    park_at_limit(lane, p, from - (burst - 1) * cell)
    return 0
  end
  local others_us = waits_for_others(key, p, run, now)
  if others_us then
    park_unit(lane, unit, others_us / 1000)
    return 0
  end
  local probing = p.tried or p.probe
  local records = redis.call('LPOP', P .. list_of(unit), probing and 1 or math.min(most, may)) or {}
  local shared = tonumber(p.shared_until_us or 0) > now
  if shared or p.denied then records = sift(r[1], run, records, now_ms, shared, p.denied) end
  local taken = #records
  if redis.call('LLEN', P .. list_of(unit)) == 0 then
    redis.call('ZREM', P .. 'lane:' .. lane, unit)
  else
    turn = turn + 1
    redis.call('ZADD', P .. 'lane:' .. lane, turn - tonumber(r[3]) * PRIORITY_STEP, unit)
  end
  if taken == 0 then return 0 end
  local group = {run, r[1], r[4], p.token_version or '0', closes_ms == 0 and '0' or int(closes_ms)}
  hold_records(session, run, records, group, ids)
  answer[#answer + 1] = group
  vt = turn_vt + taken / tonumber(p.weight or 1)
  count_up(clock, taken, now)
  redis.call('HSET', key, 'vt', vt, 'last_run', run, 'last_at_us', now, 'clock:' .. content,
    packed_clock(clock, from + taken * cell, cell, p.full_limit))
  if older_senders then
    redis.call('HSET', P .. 'lane:' .. lane .. ':pace', 'tat_us', whole(from + taken * cell), 'vt', vt)
  end
  if probing then
    probe_goes(key, p)
    park(lane, now + PROBE_MS * 1000)
  elseif may - taken < 1 then
    park_at_limit(lane, p, from + (taken + 1 - burst) * cell)
  else
    redis.call('ZADD', P .. 'ready', vt, lane)
  end
  return taken
end

-- A lane's turn costs about as much as ten jobs; virtual time sees to it that turns of several jobs stay fair.
local TURN = 10
local answer, ids, left, vclock = {'ok', int(now), '0'}, {}, want, nil
lanes = redis.call('ZCARD', P .. 'ready')
for _ = 1, 1000 do
  if left < 1 then break end
  local first = redis.call('ZRANGE', P .. 'ready', 0, 0, 'WITHSCORES')
  if not first[1] then break end
  local share = math.max(batch, TURN, math.ceil(left / lanes))
  left = left - serve(first[1], tonumber(first[2]), math.min(left, share), answer, ids)
  vclock = first[2]
end
if vclock then redis.call('HSET', APP, 'vclock', vclock, 'turn', turn) end
if #ids > 0 then
  remember_claim(session, 'send', id, ids)
  count_up(app_clock, #ids, now)
  if app_cell then
    redis.call('HSET', APP, 'clock', packed_clock(app_clock, app_from + #ids * app_cell, app_cell, app_limit))
  else
    redis.call('HSET', APP, 'clock', packed_clock(app_clock, app_clock.tat, app_clock.cell, 0))
  end
  if older_senders then redis.call('HSET', APP, 'tat_us', app_clock.tat) end
  if app_probes then redis.call('HSET', APP, 'probe', 'out', 'paused_until_ms', int(now_ms + PROBE_MS)) end
end
if left > 0 then -- say when there can be more
  local next_us = -1
  for name, unit in pairs({waiting = 1, delayed = 1000, parked = 1000}) do
    local first = redis.call('ZRANGE', P .. name, 0, 0, 'WITHSCORES')
    if first[2] then
      local wait_us = math.max(0, first[2] * unit - now)
      if next_us < 0 or wait_us < next_us then next_us = wait_us end
    end
  end
  answer[3] = int(next_us)
end
return answer
