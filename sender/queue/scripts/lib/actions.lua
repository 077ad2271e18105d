-- uses: base, gcra, pace, lanes, pages, answers, happenings
-- What rules do (sender/rules): each takes the scope, the rule and what is known of the answer, and says whether it acted.
-- A rule: {name, scope, action, count, of, share, in_a_row, for_ms, longest_ms, factor}; an answer: {sent_us, first,
-- error, token version, asked_ms (how long Meta wants to be left alone), jitter (1 to 1.1), text}.

local ACTIONS = {}
local MOST_REFUSED = 0.7
local BELOW = 0.95 -- of the rate that just passed: flat around it nothing is to be refused

local function doubled(for_ms, longest_ms, times)
  return math.min(longest_ms, for_ms * 2 ^ math.min(times, 30))
end

-- Nothing leaves for a while, then one message goes first.
function ACTIONS.pause(scope, rule, a, now)
  local ms = math.max(doubled(rule.for_ms, rule.longest_ms, tonumber(scope.pause_level or 0)), a.asked_ms) * a.jitter
  local standing_ms = tonumber(redis.call('HGET', scope.key, 'paused_until_ms') or 0)
  if standing_ms == BY_HAND_MS then return false end
  begin_anew(scope)
  if scope.probe == 'due' and standing_ms > now / 1000 then -- of the same wave: it may ask for longer, but doubles nothing
    if standing_ms < now / 1000 + a.asked_ms then
      redis.call('HSET', scope.key, 'paused_until_ms', int(now / 1000 + a.asked_ms * a.jitter), 'pause_reason', a.error)
    end
    return false
  end
  if not scope.probe then note_begin(scope, 'rule ' .. rule.name, 'pause', a.error) end -- else it goes on
  redis.call('HSET', scope.key, 'paused_until_ms', int(now / 1000 + ms), 'pause_reason', a.error, 'pause_rule', rule.name)
  scope.pause_level, scope.probe, scope.cut_us = int(tonumber(scope.pause_level or 0) + 1), 'due', now
  redis.call('HSET', scope.key, 'pause_level', scope.pause_level, 'probe', 'due', 'cut_us', int(now))
  if scope.kind == 'page' then wake_page(scope.name) end
  return true, int(ms)
end

-- Whether cutting would be in vain: when a cut has changed nothing of the share that is throttled, single persons are
-- throttled, and not the page. More than a quarter are never single persons; and beyond the rate of the last cut some are
-- refused whenever the limit is near.
local function in_vain(scope, f, share, n, beyond, now)
  if share > 0.25 and (n >= 20 or share >= 0.5) then return false end
  if tonumber(f[2] or 0) > now then return n < 20 or share <= 2 * tonumber(f[1]) end
  if beyond or scope.cut_us == 0 or now - scope.cut_us > 20e6 or not f[3] then return false end
  if n < 20 then return true end
  if share < 0.6 * tonumber(f[3]) then return false end
  redis.call('HSET', scope.key, 'vain_share', tostring(share), 'vain_until_us', int(now + 300e6))
  scope.answers, scope.changed = string.gsub(scope.answers, 't', 'n'), true
  return true
end

-- The rate of the last ten seconds: of a page as a share of its limit, of the app in messages a second. Second, for both,
-- in messages a second.
local function reached(scope, now)
  if scope.kind == 'app' then
    local a_second = rate(read_clock(scope.key, 'clock'), now)
    return a_second, a_second
  end
  local most, a_second = 0, 0
  for _, packed in ipairs(redis.call('HMGET', scope.key, 'clock:text', 'clock:media')) do
    local clock = unpack_clock(packed)
    local here = rate(clock, now)
    if clock.limit > 0 and here / clock.limit > most then most, a_second = here / clock.limit, here end
  end
  return most, a_second
end

-- The share that was refused of what went out. Beyond the rate of the last cut it is all that was refused on the way there,
-- of ten seconds' messages. Otherwise the limit has fallen: of the answers since the first refusal, as far as these are
-- believed, since few tell little.
local function refused_lately(answers, beyond, a_second)
  local first = string.find(answers, 't', 1, true)
  if not first or first == #answers then return 0 end
  if beyond then return math.min(MOST_REFUSED, how_many(answers, 't') / (10 * a_second)) end
  local since = string.sub(answers, first + 1)
  return math.min(MOST_REFUSED, how_many(since, 't') / #since)
end

-- A cut to a share of what was really reached: what went out, less what was refused of it.
function ACTIONS.pace(scope, rule, a, now)
  if scope.probe or scope.breaker then return false end
  local since = string.gsub(scope.answers, '%u', '') -- the last cut
  local n, share = #since, how_many(since, 't') / math.max(#since, 1)
  local f = redis.call('HMGET', scope.key, 'vain_share', 'vain_until_us', 'cut_share')
  local before, rate_now, a_second = read_pace(scope.key), reached(scope, now)
  local beyond = (before.pace or before.pace_rate) and growth(before, now) > 1
  if scope.kind == 'page' and rule.count > 1 and in_vain(scope, f, share, n, beyond, now) then return false end
  if rate_now == 0 then return false end
  local full = a_second / rate_now -- messages a second
  if scope.kind == 'page' then rate_now = math.min(rate_now, pace_now(before, now)) end
  rate_now = rate_now * ((1 - refused_lately(since, beyond, a_second)) * (beyond and BELOW or 1))
  throttle_begins(scope, before, now, rule.name, string.format('to %.3g/s: %s', rate_now * full, a.error))
  if scope.kind == 'page' then
    redis.call('HSET', scope.key, 'pace', tostring(math.max(LOWEST, rate_now)))
  else
    redis.call('HSET', scope.key, 'pace_rate', tostring(math.max(1, rate_now)))
  end
  redis.call('HSET', scope.key, 'slowed', '1', 'cut_us', int(now), 'climbed_us', '0', 'hold_until_us', int(now), 'cut_factor',
    tostring(rule.factor), 'cut_share', tostring(share), 'pace_rule', rule.name)
  scope.cut_us = now
  scope.answers, scope.changed = string.upper(scope.answers), true -- these have had their cut; they still stand in a row
  return true
end

-- No climbing for a while.
function ACTIONS.hold_pace(scope, rule, a, now)
  local f = read_pace(scope.key)
  if not f.pace and not f.pace_rate then return false end
  if tonumber(f.hold_until_us or 0) > now + rule.for_ms * 500 then return false end
  redis.call('HSET', scope.key, 'climbed_us', int(climbed_us(f, now)), 'hold_until_us', int(now + rule.for_ms * 1000))
  return false
end

-- No faster than a share of the limit (for the app: of its rate), for a while.
function ACTIONS.ceiling(scope, rule, a, now)
  local f = read_pace(scope.key)
  local stands, ceiling, base = ceiling_stands(f, now), rule.factor, 1
  if scope.kind == 'app' then
    base = stands and tonumber(f.ceiling_base) or math.min(app_limit_now(f, 0, now) or math.huge, reached(scope, now))
    if base == 0 then return false end -- a late answer: nobody knows how fast it goes now
    ceiling = math.max(1, base * rule.factor)
  end
  local lower = stands and tonumber(f.ceiling) <= ceiling
  if lower and (tonumber(f.ceiling) < ceiling or tonumber(f.ceiling_until_us) > now + rule.for_ms * 500) then return false end
  local to = scope.kind == 'app' and '%.3g/s' or '%.3g of its limit'
  throttle_begins(scope, f, now, rule.name, 'to ' .. string.format(to, ceiling))
  redis.call('HSET', scope.key, 'slowed', '1', 'ceiling', tostring(ceiling), 'ceiling_base', tostring(base), 'ceiling_until_us',
    int(now + rule.for_ms * 1000), 'ceiling_rule', rule.name)
  return not lower
end

-- The page's breaker, or a pause of the app, when it fails often enough in a row. Only first attempts count: one person's
-- failure that comes back with every retry says nothing of the others. A failed probe opens it again, for twice as long;
-- what further rules say to the same answer is no failed probe, and no second failure.
function ACTIONS.breaker(scope, rule, a, now)
  local probed = scope.breaker == 'half_open' or scope.probe == 'out'
  if scope.kind == 'page' and (redis.call('HGET', scope.key, 'token_version') or '0') ~= a.token_version then return false end
  a.failed = a.failed or {}
  if not a.failed[scope.kind] and (a.first or rule.in_a_row <= 1) then
    a.failed[scope.kind] = true
    scope.failures, scope.changed = redis.call('HINCRBY', scope.key, 'failures', 1), true
  end
  if not probed and scope.failures < rule.in_a_row then return false end
  if scope.kind == 'app' then return ACTIONS.pause(scope, rule, a, now) end
  local news, times = scope.breaker ~= 'open', tonumber(scope.cooldowns or 0)
  local ms = doubled(rule.for_ms, rule.longest_ms, news and times or math.max(0, times - 1)) * a.jitter
  local standing_ms = tonumber(redis.call('HGET', scope.key, 'retry_at_ms') or 0)
  if not news and standing_ms > now / 1000 + ms then return false end
  redis.call('HSET', scope.key, 'breaker', 'open', 'retry_at_ms', int(now / 1000 + ms), 'reason', a.error, 'breaker_rule', rule.name,
    'cut_us', int(now))
  if not scope.breaker then
    redis.call('HSET', scope.key, 'opened_at_ms', int(now / 1000))
    note_begin(scope, 'rule ' .. rule.name, 'breaker open', a.error)
  end
  if news then scope.cooldowns = redis.call('HINCRBY', scope.key, 'cooldowns', 1) end
  scope.breaker, scope.cut_us = 'open', now
  begin_anew(scope)
  wake_page(scope.name)
  return news, int(ms)
end

-- A person has to look at this run: it is held until somebody resumes or cancels it. Senders of the first release know only
-- the operator's hold.
function ACTIONS.brake(scope, rule, a, now)
  local state = redis.call('HMGET', scope.key, 'state', 'hold:brake')
  if state[2] or (state[1] ~= 'enqueuing' and state[1] ~= 'active') then return false end
  local reason = a.error .. (a.text ~= '' and ': ' .. a.text or '')
  redis.call('HSET', scope.key, 'hold:brake', '1', 'brake_rule', rule.name, 'brake_reason', reason, 'brake_at_ms', int(now / 1000))
  note_begin(scope, 'rule ' .. rule.name, 'brake', reason)
  if redis.call('HGET', P .. 'app', 'older_senders') then redis.call('HSET', scope.key, 'hold:operator', '1') end
  leave_lane(scope.name)
  begin_anew(scope)
  return true
end
