-- uses: base, packed
-- What a claim and a drain share: who may, taking jobs, and giving the same jobs to a repeat.

local function may_claim(session, outbox_bound)
  if not redis.call('ZSCORE', P .. 'sessions', session) then return 'gone' end
  if tonumber(redis.call('HGET', P .. 'app', 'outbox') or 0) >= tonumber(outbox_bound) then return 'full' end
  return 'ok'
end

-- Several values at a time without passing more than Lua's stack takes.
local function in_slices(command, key, values)
  for first = 1, #values, 1000 do
    redis.call(command, key, unpack(values, first, math.min(first + 999, #values)))
  end
end

-- Pop up to n waiting jobs of a run under the session; the group's head is {run, page, state, token version}.
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
