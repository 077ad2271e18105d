-- uses: pages, happenings
-- What is remembered of the last answers, per page, for the app, and of a run's first attempts: one letter each.
-- o: of a working page; t: throttled; u: unreadable, or none; f: the page failed; a: the app failed; p: permanent payload
-- error; g: recipient gone; l: the app is throttled; n: anything else; in capitals what a page was slowed down for. Only
-- scopes that a bad one came for are looked after (`troubled`, and `doubted` for runs), from that one on: all others would
-- cost something with every message.

local REMEMBERED = 50
local STATE = {'answers', 'cut_us', 'probe', 'breaker', 'failures', 'pause_level', 'cooldowns'}

local function open_scope(kind, name, key, set)
  local found, scope = redis.call('HMGET', key, unpack(STATE)), {kind = kind, name = name, key = key, set = set}
  for i, field in ipairs(STATE) do scope[field] = found[i] or nil end
  scope.answers = scope.answers or ''
  scope.cut_us = tonumber(scope.cut_us or 0)
  scope.failures = tonumber(scope.failures or 0)
  return scope
end

local function remember(scope, letter)
  scope.answers = string.sub(scope.answers .. letter, -REMEMBERED)
  scope.changed = true
end

local function how_many(answers, letter)
  local _, n = string.gsub(answers, letter, '')
  return n
end

-- The answers so far say nothing about what comes now.
local function begin_anew(scope)
  scope.answers, scope.changed = '', true
end

-- What the group's answers have changed is written at its end; a scope that nothing bad is known of is forgotten.
local function close_scope(scope)
  if not scope.changed then return end
  local quiet = not string.find(scope.answers, '[^onON]')
  if quiet then
    redis.call('HDEL', scope.key, 'answers')
  else
    redis.call('HSET', scope.key, 'answers', scope.answers)
  end
  if quiet and not scope.probe and not scope.breaker and scope.failures == 0 then
    redis.call('SREM', scope.set, scope.name)
  else
    redis.call('SADD', scope.set, scope.name)
  end
end

local function it_works(scope, rule, what)
  note_end(scope, 'rule ' .. (redis.call('HGET', scope.key, rule) or ''), what, 'one message got through')
end

-- An answer that only a working page gets: failures are forgotten, and what a probe was to find out is known.
local function works(scope, happened)
  if scope.failures > 0 and scope.breaker ~= 'open' then
    redis.call('HDEL', scope.key, 'failures')
    scope.failures, scope.changed = 0, true
  end
  local closed
  if scope.breaker == 'half_open' then
    it_works(scope, 'breaker_rule', 'breaker close')
    redis.call('HDEL', scope.key, 'failures', 'breaker', 'opened_at_ms', 'retry_at_ms', 'reason', 'cooldowns')
    scope.breaker, scope.cooldowns, scope.changed, closed = nil, nil, true, 'breaker_closed'
  end
  if scope.probe == 'out' then
    it_works(scope, 'pause_rule', 'resume')
    redis.call('HDEL', scope.key, 'probe', 'paused_until_ms', 'pause_reason', 'pause_rule', 'pause_level')
    scope.probe, scope.pause_level, scope.changed, closed = nil, nil, true, closed or 'resumed'
  end
  if not closed then return end
  if scope.kind == 'page' then wake_page(scope.name) end
  happened[#happened + 1] = {closed, scope.kind, scope.name}
end
