-- uses: base, pages, answers, actions
-- What a group's answers mean for their runs and pages and for the app.

-- What a letter says of the page and of the app, where that is not the letter itself.
local AT = {page = {p = 'o', g = 'o', a = 'n', l = 'n'}, app = {p = 'o', g = 'o', f = 'n', t = 'n'}, run = {}}
local WATCHED = {page = P .. 'troubled', app = P .. 'troubled', run = P .. 'doubted'}
local judging = {scopes = {}, happened = {}}

local function key_of(kind, name)
  return kind == 'app' and P .. 'app' or P .. kind .. ':' .. name
end

-- The scope, when it is looked after, or when `bad` says that it has to be from now on.
local function scope_of(kind, name, bad)
  local key, set = key_of(kind, name), WATCHED[kind]
  local scope = judging.scopes[key]
  if scope == nil then scope = redis.call('SISMEMBER', set, name) == 1 and open_scope(kind, name, key, set) end
  if not scope and bad then scope = open_scope(kind, name, key, set) end
  judging.scopes[key] = scope
  return scope
end

local function triggered(scope, rule, letter)
  if scope.probe == 'out' and rule.action == 'pause' then return true end -- the one message that was to tell
  if rule.action == 'breaker' then return true end -- counts by itself
  if rule.count == 0 and rule.in_a_row == 0 then return true end -- at once
  if rule.in_a_row > 0 then
    return string.lower(string.sub(scope.answers, -rule.in_a_row)) == string.rep(letter, rule.in_a_row)
  end
  local last = string.sub(scope.answers, -rule.of)
  local n = how_many(last, letter)
  return n >= rule.count and (rule.share == 0 or n > rule.share * #last)
end

local function apply(scope, rule, letter, a, now)
  local counts = rule.action ~= 'breaker' and (rule.count > 0 or rule.in_a_row > 0)
  if counts and (letter == 'n' or scope.kind == 'run' and not a.first) then return end
  if not triggered(scope, rule, letter) then return end
  local acted, ms = ACTIONS[rule.action](scope, rule, a, now)
  if acted then judging.happened[#judging.happened + 1] = {rule.action, scope.kind, scope.name, rule.name, a.error, ms or ''} end
end

-- What a letter says of a scope. One person's conversation may be throttled whenever it is tried: where first attempts get
-- through, a further one says nothing of the page, unless it was to find that out.
local function seen_at(kind, letter, a, scope)
  local seen = AT[kind][letter] or letter
  if kind == 'page' and seen == 't' and not a.first and not (scope and scope.probe == 'out') then return 'n' end
  return seen
end

-- Of a run, 20 equal payload errors count, and not 20 different ones.
local function note_at_run(scope, letter, a)
  if letter == 'p' then
    local before = redis.call('HGET', scope.key, 'payload_error')
    if before ~= a.error then
      scope.answers = string.gsub(scope.answers, 'p', 'n')
      redis.call('HSET', scope.key, 'payload_error', a.error)
    end
  end
  remember(scope, letter)
end

-- letter: see answers.lua; rules: those that fit the answer, of every scope.
local function judge(run, page, letter, a, rules, now)
  local scopes, ruled = {}, {}
  for _, rule in ipairs(rules) do ruled[rule.scope] = true end
  local seen, news = {}, {}
  for kind, name in pairs({run = run, page = page, app = 'app'}) do
    local plain = AT[kind][letter] or letter
    local scope = scope_of(kind, name, ruled[kind] or (plain ~= 'o' and plain ~= 'n' and kind ~= 'run'))
    scopes[kind], seen[kind] = scope, seen_at(kind, letter, a, scope)
    news[kind] = scope and a.sent_us > scope.cut_us -- what was sent before the last cut is of the wave that led to it
    if scope and kind == 'run' then
      if a.first then note_at_run(scope, letter, a) end
    elseif news[kind] then
      remember(scope, seen[kind])
      if seen[kind] == 'o' then works(scope, judging.happened) end
    end
  end
  for _, paces in ipairs({true, false}) do -- a page that is paused by the same answer is slowed down before
    for _, rule in ipairs(rules) do
      if (rule.action == 'pace') == paces and news[rule.scope] then apply(scopes[rule.scope], rule, seen[rule.scope], a, now) end
    end
  end
  for kind, scope in pairs(scopes) do -- an answer that says nothing of it: the next probe soon
    local silent = kind ~= 'run' and scope and seen[kind] == 'n' and news[kind]
    if silent and (scope.probe == 'out' or scope.breaker == 'half_open') then probe_later(scope.name, 5000) end
  end
end

local function end_judging()
  for _, scope in pairs(judging.scopes) do
    if scope then close_scope(scope) end
  end
  return judging.happened
end
