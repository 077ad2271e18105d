#!lua flags=no-writes
-- uses: base, packed, units, lanes
-- ARGV: how many at most: unfinished runs (those that expire first), troubled pages, newest runs, lanes; further runs to look
-- at (MessagePack). What figures begin with, of one moment. Returns {now_us, runs (see look_at) in MessagePack, {page, breaker
-- ...} of those that are not closed, newest runs, sessions, sessions with an outbox, {clock, clock of the first release, when
-- its first run was taken ...} of lanes that may send now, {page ...} of these runs that are paused or slowed down}.
local most_runs, most_pages, newest, most_lanes = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local MOST_HELD = 5000 -- jobs in flight that are counted by run
local runs, held_back, RUN, JOBS, NONE, now = {}, {}, P .. 'run:', P .. 'jobs:', {}, now_us()
local sessions = redis.call('ZRANGE', P .. 'sessions', 0, -1)
local any_parked = redis.call('EXISTS', P .. 'parked') == 1
local any_zoned, any_aside = redis.call('EXISTS', P .. 'zoned') == 1, redis.call('EXISTS', P .. 'asides') == 1

-- How many jobs of each run are held by senders; nil: too many to look at.
local function count_held()
  local all, by_run = 0, {}
  for _, session in ipairs(sessions) do all = all + redis.call('HLEN', P .. 'held:' .. session) end
  if all > MOST_HELD then return nil end
  for _, session in ipairs(sessions) do
    for _, tagged in ipairs(redis.call('HVALS', P .. 'held:' .. session)) do
      local run = split(tagged)
      by_run[run] = (by_run[run] or 0) + 1
    end
  end
  return by_run
end

local held = count_held()

local function parked_until(unit)
  return any_parked and tonumber(redis.call('ZSCORE', P .. 'parked', unit)) or 0
end

local function zones_of(run)
  local zones = {}
  for _, zone in ipairs(redis.call('SMEMBERS', P .. 'zones:' .. run)) do
    local unit = run .. '\0' .. zone
    zones[#zones + 1] = {zone, redis.call('LLEN', P .. list_of(unit)), parked_until(unit)}
  end
  return zones
end

local H1, H2, H3, H4, H5 = unpack(HOLDERS) -- the last one is the brake
local function holders_of(f)
  if not (f[5] or f[6] or f[7] or f[8] or f[9]) then return NONE end
  local holders = {}
  for n, holder in ipairs(HOLDERS) do if f[4 + n] then holders[#holders + 1] = string.sub(holder, 6) end end
  return holders
end

local pages = {}
local function look_at_page(page)
  if pages[page] then return end
  pages[page] = true
  local f = redis.call('HMGET', P .. 'page:' .. page, 'paused_until_ms', 'slowed')
  if f[2] or tonumber(f[1] or 0) > now / 1000 then held_back[#held_back + 1] = page end
end

-- A run: {id, page, left, braked, state, kind of content, {its holders}, waiting, parked until (ms; 0: it is not), {zone,
-- waiting, parked until} of recipients with zones of their own, aside, held (-1: not known)}.
local function look_at(ids, most)
  for i = 1, math.min(#ids, most) do
    local run = ids[i]
    local f = redis.call('HMGET', RUN .. run, 'page', 'left', 'state', 'lane', H1, H2, H3, H4, H5)
    if f[1] then
      runs[#runs + 1] = {
        run, f[1], tonumber(f[2] or 0), f[9] ~= false, f[3] or '', string.sub(f[4] or '', -6) == '/media' and 'media' or 'text', holders_of(f),
        redis.call('LLEN', JOBS .. run), parked_until(run), any_zoned and zones_of(run) or NONE,
        any_aside and redis.call('LLEN', P .. 'aside:' .. run) or 0, held and (held[run] or 0) or -1,
      }
      look_at_page(f[1])
    end
  end
end

if most_runs > 0 then
  look_at(redis.call('ZRANGE', P .. 'expiries', 0, most_runs - 1), most_runs)
  look_at(redis.call('SMEMBERS', P .. 'draining'), most_runs)
end
look_at(cmsgpack.unpack(ARGV[5]), math.huge)

local breakers = {}
for i, page in ipairs(redis.call('SMEMBERS', P .. 'troubled')) do
  local breaker = i <= most_pages and redis.call('HGET', P .. 'page:' .. page, 'breaker')
  if breaker == 'open' or breaker == 'half_open' then
    breakers[#breakers + 1] = page
    breakers[#breakers + 1] = breaker
  end
end

local lanes = {}
for _, lane in ipairs(redis.call('ZRANGE', P .. 'ready', 0, most_lanes - 1)) do
  local page, content = string.match(lane, '^(.*)/(%a+)$')
  local unit = redis.call('ZRANGE', P .. 'lane:' .. lane, 0, 0)[1]
  lanes[#lanes + 1] = page and redis.call('HGET', P .. 'page:' .. page, 'clock:' .. content) or false
  lanes[#lanes + 1] = redis.call('HGET', P .. 'lane:' .. lane .. ':pace', 'tat_us')
  lanes[#lanes + 1] = unit and redis.call('HGET', P .. 'run:' .. run_of(unit), 'taken_at_ms') or false
end

return {
  int(now), cmsgpack.pack(runs), breakers, newest > 0 and redis.call('ZRANGE', P .. 'runs', 0, newest - 1, 'REV') or {},
  sessions, redis.call('SMEMBERS', P .. 'outboxes'), lanes, held_back,
}
