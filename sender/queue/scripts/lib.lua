-- What several scripts share. Put in front of each of them; the key names are explained in schema/keys.py.
local P = 'newar:{s0}:'
local HOLDERS = {'hold:source', 'hold:operator', 'hold:window', 'hold:registry'}
local PRIORITY_STEP = 1e11 -- a run's score in its lane: priority first, then whose turn it is

local function now_us()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

local function int(n)
  return string.format('%.0f', n)
end

-- Several values at a time without passing more than Lua's stack takes.
local function in_slices(command, key, values)
  for first = 1, #values, 1000 do
    redis.call(command, key, unpack(values, first, math.min(first + 999, #values)))
  end
end

-- Many small arguments travel as two: their lengths (MessagePack) and all their bytes.
local function parts(lengths, bytes)
  local list, at = cmsgpack.unpack(lengths), 1
  for i, length in ipairs(list) do
    list[i] = string.sub(bytes, at, at + length - 1)
    at = at + length
  end
  return list
end

local function activate_lane(lane)
  if redis.call('ZSCORE', P .. 'ready', lane) or redis.call('ZSCORE', P .. 'waiting', lane) then return end
  local vt = tonumber(redis.call('HGET', P .. 'lane:' .. lane .. ':pace', 'vt') or 0)
  local clock = tonumber(redis.call('HGET', P .. 'app', 'vclock') or 0)
  redis.call('ZADD', P .. 'ready', math.max(vt, clock), lane)
end

-- A page's pause or breaker has changed: its parked lanes are looked at again.
local function wake_page(page)
  for _, content in ipairs({'text', 'media'}) do
    local lane = page .. '/' .. content
    if redis.call('ZREM', P .. 'waiting', lane) == 1 then activate_lane(lane) end
  end
end

-- Jobs of these pages (keys) ended or came back without a question to the Graph API: perhaps one was its page's probe.
-- Then the next one may go at once.
local function probe_again(pages)
  for page in pairs(pages) do
    if redis.call('HGET', P .. 'page:' .. page, 'breaker') == 'half_open' then
      redis.call('HSET', P .. 'page:' .. page, 'retry_at_ms', '0')
      wake_page(page)
    end
  end
end

-- Give the run a turn in its lane when it has waiting jobs and nobody holds it.
local function activate_run(run)
  local key = P .. 'run:' .. run
  local f = redis.call('HMGET', key, 'lane', 'state', 'priority', unpack(HOLDERS))
  if not f[1] or (f[2] ~= 'enqueuing' and f[2] ~= 'active') or f[7] or f[4] or f[5] or f[6] then return end
  if redis.call('LLEN', P .. 'jobs:' .. run) == 0 then return end
  local turn = redis.call('HINCRBY', P .. 'app', 'turn', 1)
  redis.call('ZADD', P .. 'lane:' .. f[1], 'NX', turn - tonumber(f[3]) * PRIORITY_STEP, run)
  activate_lane(f[1])
end

local function leave_lane(run)
  local lane = redis.call('HGET', P .. 'run:' .. run, 'lane')
  if lane then redis.call('ZREM', P .. 'lane:' .. lane, run) end
end

local function finish_if_done(run, now)
  local key = P .. 'run:' .. run
  local f = redis.call('HMGET', key, 'enqueued', 'left', 'state')
  if f[1] ~= '1' or tonumber(f[2]) > 0 or f[3] == 'finished' then return end
  local ended_as = f[3] == 'active' and 'complete' or f[3]
  redis.call('HSET', key, 'state', 'finished', 'ended_as', ended_as, 'finished_at_ms', int(now / 1000))
  redis.call('ZADD', P .. 'finished', int(now / 1000), run)
  redis.call('ZREM', P .. 'expiries', run)
  redis.call('SREM', P .. 'draining', run)
  leave_lane(run)
  redis.call('DEL', P .. 'jobs:' .. run)
end

-- A cancelled or expired run: its jobs are handed out only to be settled, at the drainers' pace.
local function begin_drain(run, state, now)
  local key = P .. 'run:' .. run
  redis.call('HSET', key, 'state', state)
  if state == 'cancelled' then redis.call('HSET', key, 'enqueued', '1') end
  leave_lane(run)
  redis.call('ZREM', P .. 'expiries', run)
  redis.call('SADD', P .. 'draining', run)
  finish_if_done(run, now)
end

local function split(tagged)
  local at = string.find(tagged, '\0', 1, true)
  return string.sub(tagged, 1, at - 1), string.sub(tagged, at + 1)
end

-- Retries whose time has come go to the front of their run.
local function move_due(now)
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

-- A repeated claim gives the jobs of the first one that are still held.
local function repeat_claim(session, kind, id)
  local last = redis.call('HMGET', P .. 'claim:' .. session, kind .. ':id', kind .. ':jobs')
  if last[1] ~= id then return nil end
  local groups, at = {}, {}
  for _, job in ipairs(cmsgpack.unpack(last[2])) do
    local tagged = redis.call('HGET', P .. 'held:' .. session, job)
    if tagged then
      local run, record = split(tagged)
      if not at[run] then
        local f = redis.call('HMGET', P .. 'run:' .. run, 'page', 'state')
        local version = redis.call('HGET', P .. 'page:' .. (f[1] or ''), 'token_version')
        groups[#groups + 1] = {run, f[1] or '', f[2] or '', version or '0'}
        at[run] = groups[#groups]
      end
      table.insert(at[run], record)
    end
  end
  return groups
end

-- When nobody has renewed for a third of a lease, Redis was away, and not its clients: nothing is taken over for a lease.
local function forgive_after_silence(now, lease_us)
  local last = tonumber(redis.call('HGET', P .. 'app', 'renewed_at_us') or 0)
  if now - last > lease_us / 3 then redis.call('HSET', P .. 'app', 'no_takeover_until_us', int(now + lease_us)) end
end

-- The clock was set back: what waits for a moment of the former time would wait for that much longer.
local function follow_clock(back_us)
  for name, unit in pairs({sessions = 1, waiting = 1, delayed = 1000}) do
    for _, member in ipairs(redis.call('ZRANGE', P .. name, 0, -1)) do
      redis.call('ZINCRBY', P .. name, int(-back_us / unit), member)
    end
  end
  local function shift(key, field, by)
    if redis.call('HEXISTS', P .. key, field) == 1 then redis.call('HINCRBY', P .. key, field, int(by)) end
  end
  shift('app', 'tat_us', -back_us)
  shift('app', 'paused_until_ms', -back_us / 1000)
  shift('app', 'no_takeover_until_us', -back_us)
  for _, page in ipairs(redis.call('SMEMBERS', P .. 'pages')) do
    shift('lane:' .. page .. '/text:pace', 'tat_us', -back_us)
    shift('lane:' .. page .. '/media:pace', 'tat_us', -back_us)
    shift('page:' .. page, 'paused_until_ms', -back_us / 1000)
    shift('page:' .. page, 'retry_at_ms', -back_us / 1000)
  end
end

local function note_renewal(session, now, lease_us)
  local back_us = tonumber(redis.call('HGET', P .. 'app', 'renewed_at_us') or 0) - now
  if back_us > 1e6 then follow_clock(back_us) end
  forgive_after_silence(now, lease_us)
  redis.call('HSET', P .. 'app', 'renewed_at_us', int(now), 'lease_us', int(lease_us))
  redis.call('ZADD', P .. 'sessions', int(now + lease_us), session)
end

-- Pop up to n waiting jobs of a run into the session's hands; the group's head is {run, page, state, token version}.
local function take(session, run, n, head, ids)
  local records = redis.call('LPOP', P .. 'jobs:' .. run, n)
  if not records then return 0 end
  local pairs_ = {}
  for _, record in ipairs(records) do
    local id = string.sub(record, 1, 16)
    pairs_[#pairs_ + 1] = id
    pairs_[#pairs_ + 1] = run .. '\0' .. record
    ids[#ids + 1] = id
    head[#head + 1] = record
  end
  in_slices('HSET', P .. 'held:' .. session, pairs_)
  return #records
end

local function remember_claim(session, kind, id, ids)
  redis.call('HSET', P .. 'claim:' .. session, kind .. ':id', id, kind .. ':jobs', cmsgpack.pack(ids))
end

-- How many events wait in all outboxes is kept as a number, so that a claim need not ask each.
local function count_events(more)
  if more ~= 0 then redis.call('HINCRBY', P .. 'app', 'outbox', more) end
end

local function may_claim(session, outbox_bound)
  if not redis.call('ZSCORE', P .. 'sessions', session) then return 'gone' end
  if tonumber(redis.call('HGET', P .. 'app', 'outbox') or 0) >= tonumber(outbox_bound) then return 'full' end
  return 'ok'
end

-- Unmarked jobs go back to the front of their runs; marked ones may have left: they are returned, still held by `heir`.
local function disown(holder, heir, ids, tagged_by_id)
  local runs, pages, marked = {}, {}, {}
  for _, id in ipairs(ids) do
    local tagged = tagged_by_id[id]
    local mark = redis.call('HGET', P .. 'marks:' .. holder, id)
    if tagged and mark then
      local run, record = split(tagged)
      local attempt, sent_at = split(mark)
      if heir ~= holder then
        redis.call('HSET', P .. 'held:' .. heir, id, tagged)
        redis.call('HSET', P .. 'marks:' .. heir, id, mark)
      end
      marked[#marked + 1] = {run, record, attempt, sent_at}
    elseif tagged then
      local run, record = split(tagged)
      redis.call('LPUSH', P .. 'jobs:' .. run, record)
      redis.call('HDEL', P .. 'held:' .. holder, id)
      runs[run] = true
    end
  end
  for run in pairs(runs) do
    activate_run(run)
    pages[redis.call('HGET', P .. 'run:' .. run, 'page') or ''] = true
  end
  probe_again(pages)
  return marked
end

-- Append records (the arguments from `first` on) and move the cursor in one step. `ended`: outcome -> how many of the
-- chunk had ended before, in a queue that was lost. 1: done, 0: not at `cursor`.
local function add_chunk(run, cursor, next_cursor, last, first, ended)
  local key = P .. 'run:' .. run
  local f = redis.call('HMGET', key, 'cursor', 'state', 'enqueued')
  if f[1] ~= cursor or f[3] ~= '0' or (f[2] ~= 'enqueuing' and f[2] ~= 'expired') then return 0 end
  local count = #ARGV - first + 1
  for from = first, #ARGV, 1000 do
    redis.call('RPUSH', P .. 'jobs:' .. run, unpack(ARGV, from, math.min(from + 999, #ARGV)))
  end
  redis.call('HINCRBY', key, 'recipients', count)
  redis.call('HINCRBY', key, 'left', count)
  for outcome, n in pairs(ended) do
    redis.call('HINCRBY', key, 'recipients', n)
    redis.call('HINCRBY', key, outcome, n)
  end
  redis.call('HSET', key, 'cursor', next_cursor)
  if last == '1' then
    redis.call('HSET', key, 'enqueued', '1')
    if f[2] == 'enqueuing' then redis.call('HSET', key, 'state', 'active') end
    finish_if_done(run, now_us())
  end
  if count > 0 then activate_run(run) end
  return 1
end

-- Nothing is settled for a stale owner. But what it knows of a run that this Redis does not know, because it was lost
-- with its queue, goes to the log all the same, so that a recovery need not guess. Rows are unique by event.
local function log_if_lost(session, run, page, event)
  if event == '' or redis.call('EXISTS', P .. 'run:' .. run) == 1 then return 0 end
  redis.call('SADD', P .. 'outboxes', session)
  redis.call('XADD', P .. 'outbox:' .. session, '*', 'k', page, 'v', event)
  count_events(1)
  return 1
end
