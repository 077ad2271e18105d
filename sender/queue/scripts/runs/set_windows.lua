#!lua flags=allow-oom
-- uses: base, units, lanes, happenings
-- ARGV: run, windows, hours, until_ms. windows: MessagePack, zone ("" is the page's) -> {opens_ms, closes_ms, ...}; none at
-- all removes the run's window. The zones given are put beside those that the run has.
-- hours: what the windows were made of. When they are others than before, or until_ms (not 0) says up to when they are
-- known from now on, all zones have to be given: else nothing is done, and the answer is those that are missing.
local run, packed, hours, until_ms = unpack(ARGV)
local key = P .. 'run:' .. run
local f = redis.call('HMGET', key, 'state', 'windows', 'hours')
if f[1] ~= 'enqueuing' and f[1] ~= 'active' then return {} end
local given, known = cmsgpack.unpack(packed), {}
if f[2] then known = cmsgpack.unpack(f[2]) end

local scope = {kind = 'run', name = run, key = key}
if next(given) == nil then
  if f[3] then note_begin(scope, 'source', 'hours', '') end
  redis.call('HDEL', key, 'windows', 'hours', 'hours_until_ms')
else
  if until_ms ~= '0' or hours ~= (f[3] or '') then
    local missing = {}
    known[''] = known[''] or {}
    for zone in pairs(known) do
      if not given[zone] then missing[#missing + 1] = zone end
    end
    if #missing > 0 then return missing end
    if hours ~= (f[3] or '') then
      local window, zone = string.match(hours, '^([^%z]*)%z?([^%z]*)$')
      note_begin(scope, 'source', 'hours', (window or hours) .. ' in ' .. (zone ~= '' and zone or 'UTC'))
    end
    redis.call('HSET', key, 'hours', hours, 'hours_until_ms', until_ms)
  end
  for zone, intervals in pairs(given) do known[zone] = intervals end
  redis.call('HSET', key, 'windows', cmsgpack.pack(known))
end

-- The claim looks anew at what it has found open or closed before, also in zones that have no hours of their own.
for _, unit in ipairs(units_of(run)) do
  local _, zone = run_of(unit)
  redis.call('HDEL', key, 'closes:' .. zone)
end
unpark_run(run)
return {}
