-- uses: base, packed, units
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

-- Note these records of a run as held by the session, and add them to the group that is handed out.
local function hold_records(session, run, records, group, ids)
  local pairs_ = {}
  for _, record in ipairs(records) do
    local id = string.sub(record, 1, 16)
    pairs_[#pairs_ + 1] = id
    pairs_[#pairs_ + 1] = run .. '\0' .. record
    ids[#ids + 1] = id
    group[#group + 1] = record
  end
  in_slices('HSET', P .. 'held:' .. session, pairs_)
end

local function remember_claim(session, kind, id, ids)
  redis.call('HSET', P .. 'claim:' .. session, kind .. ':id', id, kind .. ':jobs', cmsgpack.pack(ids))
end

-- A repeated claim gives the jobs of the first one that are still held. A group is {run, page, state, token version,
-- moment (ms) at which its hours close (0: never), records ...}.
local function repeat_claim(session, kind, id)
  local key = P .. 'claim:' .. session
  if redis.call('HGET', key, kind .. ':id') ~= id then return nil end
  local groups, at = {}, {}
  for _, job in ipairs(cmsgpack.unpack(redis.call('HGET', key, kind .. ':jobs'))) do
    local tagged = redis.call('HGET', P .. 'held:' .. session, job)
    if tagged then
      local run, record = split(tagged)
      local unit = unit_of(run, record)
      if not at[unit] then
        local _, zone = run_of(unit)
        local f = redis.call('HMGET', P .. 'run:' .. run, 'page', 'state', 'closes:' .. zone)
        local version = redis.call('HGET', P .. 'page:' .. (f[1] or ''), 'token_version')
        groups[#groups + 1] = {run, f[1] or '', f[2] or '', version or '0', f[3] or '0'}
        at[unit] = groups[#groups]
      end
      table.insert(at[unit], record)
    end
  end
  return groups
end
