-- uses: base, two_clocks
-- The hours in which a unit may send, as intervals that the run processor has written into the run (`windows`).
-- The end of the one that is open now is kept as `closes:ZONE` (ms), so that a claim need not look at all of them.

local NEVER_MS = 9e15

-- Returns until when (ms) the unit is open, 0 when it has no hours; or nil and the moment of its next opening.
local function look_at_hours(run, zone, now_ms, wall_ms)
  local key = P .. 'run:' .. run
  local packed = redis.call('HGET', key, 'windows')
  if not packed then
    redis.call('HSET', key, 'closes:' .. zone, '0')
    return 0
  end
  local by_zone = cmsgpack.unpack(packed)
  local spans = by_zone[zone] or by_zone[''] or {}
  for i = 1, #spans, 2 do
    local opens, closes = spans[i], spans[i + 1]
    if closes > now_ms and opens > now_ms then return nil, opens end
    if closes > now_ms then
      if not both_past(opens, now_ms, wall_ms) then return nil, now_ms + SECOND_OPINION_MS end
      redis.call('HSET', key, 'closes:' .. zone, int(closes))
      return closes
    end
  end
  return nil, NEVER_MS
end
