-- uses: base, happenings
-- How fast a page, or the app, may go: its limit, slowed down by what Meta answers.
--
-- A throttling answer cuts to a share of the rate then really reached. The way back is cubic: six seconds to that rate,
-- flat around it, then beyond, three times as fast after as long again (as TCP's CUBIC seeks the room in a network). The
-- pace follows from what was stored at the cut and the time: no writer, every change ends by itself, and all processes agree.

local CLIMB_US = 6e6
local BEYOND = 2
local LOWEST = 0.02
local PACE = {
  'pace', 'pace_rate', 'cut_us', 'climbed_us', 'hold_until_us', 'cut_factor', 'ceiling', 'ceiling_base', 'ceiling_until_us',
  'set_limit', 'set_limit_until_ms',
}

-- For how long it has climbed since the cut, standing still while it is held.
local function climbed_us(f, now)
  return tonumber(f.climbed_us or 0) + math.max(0, now - math.max(tonumber(f.cut_us or 0), tonumber(f.hold_until_us or 0)))
end

local function growth(f, now)
  local x = (climbed_us(f, now) - CLIMB_US) / CLIMB_US
  return 1 + (x < 0 and 1 - tonumber(f.cut_factor or 0.7) or BEYOND) * x * x * x
end

local function read_pace(key)
  local found, f = redis.call('HMGET', key, unpack(PACE)), {}
  for i, name in ipairs(PACE) do f[name] = found[i] or nil end
  return f
end

local function ceiling_stands(f, now)
  return tonumber(f.ceiling_until_us or 0) > now
end

local function set_by_hand(f, now)
  return f.set_limit and tonumber(f.set_limit_until_ms or 0) * 1000 > now
end

-- A page's pace now: a share of its limit.
local function pace_now(f, now)
  local pace = 1
  if f.pace then pace = math.min(1, tonumber(f.pace) * growth(f, now)) end
  if ceiling_stands(f, now) then pace = math.min(pace, tonumber(f.ceiling)) end
  return math.max(pace, LOWEST)
end

-- A page's limit for this kind of content, messages a second: with all that slows it down, and without.
local function page_limit_now(f, limit, content, now)
  if set_by_hand(f, now) then
    local by_hand = tonumber(f.set_limit)
    limit = content == 'media' and math.min(limit, by_hand) or by_hand
  end
  return limit * pace_now(f, now), limit
end

-- The app's limit now, messages a second; nil: none. A cut counts also where the app has no limit of its own, until it
-- has grown far beyond what it was cut from. The app's ceiling is in messages a second too.
local FAR = 50
local function app_limit_now(f, limit, now)
  local paced = limit > 0 and limit or math.huge
  if f.pace_rate and growth(f, now) < FAR then paced = math.min(paced, math.max(1, tonumber(f.pace_rate) * growth(f, now))) end
  if ceiling_stands(f, now) then paced = math.min(paced, math.max(1, tonumber(f.ceiling))) end
  return paced < math.huge and paced or nil
end

-- When a pace will have grown so far that it is whole: there is no formula for it, so its moment is looked for.
local function full_us(f, now, far)
  local from, to = now, math.max(now, tonumber(f.hold_until_us or 0)) + 3600e6
  for _ = 1, 32 do
    local middle = (from + to) / 2
    if growth(f, middle) >= far then to = middle else from = middle end
  end
  return int(to)
end

-- Whether anything that answers have led to still slows it down.
local function throttled(f, now)
  return f.pace and tonumber(f.pace) * growth(f, now) < 1 or f.pace_rate and growth(f, now) < FAR or ceiling_stands(f, now)
end

-- Nothing of it is left: it may have ended while nobody claimed.
local function throttle_ends(scope, f, now)
  if not (f.pace or f.pace_rate or f.ceiling) then return end
  local ended_us, far = tonumber(f.ceiling_until_us or 0), f.pace and 1 / tonumber(f.pace) or FAR
  if f.pace or f.pace_rate then ended_us = math.max(ended_us, full_us(f, tonumber(f.cut_us or now), far)) end
  local rules = redis.call('HMGET', scope.key, 'pace_rule', 'ceiling_rule')
  note_end(scope, 'rule ' .. (rules[1] or rules[2] or ''), 'unthrottle', '', math.min(ended_us, now))
  redis.call('HDEL', scope.key, 'pace', 'pace_rate', 'pace_rule', 'climbed_us', 'hold_until_us', 'cut_factor', 'cut_share',
    'ceiling', 'ceiling_base', 'ceiling_until_us', 'ceiling_rule')
end

-- Further cuts, and a ceiling beside a cut, belong to the throttle that stands.
local function throttle_begins(scope, before, now, rule, detail)
  if throttled(before, now) then return end
  throttle_ends(scope, before, now)
  note_begin(scope, 'rule ' .. rule, 'throttle', detail)
end

-- What nothing is left of is forgotten.
local function forget_pace(scope, f, now)
  if throttled(f, now) then return end
  throttle_ends(scope, f, now)
  if not set_by_hand(f, now) then redis.call('HDEL', scope.key, 'slowed', 'set_limit', 'set_limit_until_ms') end
end
