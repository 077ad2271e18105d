#!lua flags=no-writes
-- uses: base, units
-- ARGV: how many at most: unfinished runs (those that expire first), troubled pages, newest runs, lanes. What figures begin
-- with, of one moment. Returns {now_us, {run, page, left, who brakes it or '' ...} in MessagePack, {page, breaker ...} of those
-- that are not closed, newest runs, sessions, sessions with an outbox, {clock, clock of the first release, when its first run was
-- taken ...} of lanes that may send now}.
local most_runs, most_pages, newest, most_lanes = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local unfinished, n, RUN = {}, 0, P .. 'run:'

local function look_at(runs)
  for i = 1, math.min(#runs, most_runs) do
    local f = redis.call('HMGET', RUN .. runs[i], 'page', 'left', 'hold:brake')
    if f[1] then
      unfinished[n + 1], unfinished[n + 2], unfinished[n + 3], unfinished[n + 4] = runs[i], f[1], f[2] or '0', f[3] or ''
      n = n + 4
    end
  end
end

look_at(redis.call('ZRANGE', P .. 'expiries', 0, most_runs - 1))
look_at(redis.call('SMEMBERS', P .. 'draining'))

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
  int(now_us()), cmsgpack.pack(unfinished), breakers, redis.call('ZRANGE', P .. 'runs', 0, newest - 1, 'REV'),
  redis.call('ZRANGE', P .. 'sessions', 0, -1), redis.call('SMEMBERS', P .. 'outboxes'), lanes,
}
