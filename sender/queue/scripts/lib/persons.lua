-- uses: base, units, claims
-- One person gets one message a second, over all runs of a page, and nobody on the page's deny list gets any.
--
-- `recent:PAGE` knows whom the page's last claims went to. It is filled only while more than one run of the page is at
-- work (`shared_until_us`): a run holds everybody once, so that one alone needs no looking.

local GAP_MS = 1250 -- a second, and what may pass between a claim and its request
local SHARED_US = 60e6 -- for how long after two runs took turns `recent` is filled

-- The person of a record (schema/job.py): those of the first release do not say it.
local function person_of(record)
  local array = string.byte(record, 17)
  if array == 0x96 then return string.sub(record, -8) end
  if array == 0x97 then
    local _, person_ends = zone_begins(record)
    return person_ends and string.sub(record, person_ends - 7, person_ends) or ''
  end
  local readable, job = pcall(cmsgpack.unpack, string.sub(record, 17))
  if not readable or type(job) ~= 'table' then return '' end
  local hex = string.sub(redis.sha1hex(tostring(job[1])), 1, 16)
  return (string.gsub(hex, '..', function(byte) return string.char(tonumber(byte, 16)) end))
end

local function scores(key, persons)
  if #persons <= 1000 then return #persons > 0 and redis.call('ZMSCORE', key, unpack(persons)) or persons end
  local found = {}
  for first = 1, #persons, 1000 do
    for _, score in ipairs(redis.call('ZMSCORE', key, unpack(persons, first, math.min(first + 999, #persons)))) do
      found[#found + 1] = score
    end
  end
  return found
end

-- Of these records of a run, return those that may go now. Who is denied goes aside, who had a message within a second
-- waits for the rest of it.
local function sift(page, run, records, now_ms, shared, denied)
  local persons, may, noted, n, at_ms = {}, {}, {}, 0, math.floor(now_ms)
  for i = 1, #records do persons[i] = person_of(records[i]) end
  local refused = denied and scores(P .. 'denied:' .. page, persons) or {}
  local recent = shared and scores(P .. 'recent:' .. page, persons) or {}
  for i = 1, #records do
    local last_ms = recent[i]
    if refused[i] then
      redis.call('RPUSH', P .. 'aside:' .. run, records[i])
      redis.call('SADD', P .. 'asides', run)
    elseif last_ms and last_ms + 0 <= now_ms and last_ms + GAP_MS > now_ms then
      redis.call('ZADD', P .. 'delayed', last_ms + GAP_MS, run .. '\0' .. records[i])
    else
      n = n + 1
      may[n], noted[2 * n - 1], noted[2 * n] = records[i], at_ms, persons[i]
    end
  end
  if shared then
    in_slices('ZADD', P .. 'recent:' .. page, noted)
    redis.call('ZREMRANGEBYSCORE', P .. 'recent:' .. page, '-inf', at_ms - GAP_MS)
    redis.call('PEXPIRE', P .. 'recent:' .. page, 2 * GAP_MS)
  end
  return may
end

-- From when on (us) a run may take its turn on a page whose turns were another run's; nil: now. When it is new beside
-- that one, it has to wait until everybody whom `recent` does not know has had his second.
local function waits_for_others(key, p, run, now)
  if not p.last_run or p.last_run == run or now - tonumber(p.last_at_us or 0) >= GAP_MS * 1000 then return nil end
  local from_us, until_us = now, tonumber(p.shared_until_us or 0)
  if until_us <= now then
    redis.call('HSET', key, 'shared_from_us', now)
  else
    from_us = tonumber(redis.call('HGET', key, 'shared_from_us') or now)
  end
  if until_us - now < SHARED_US / 2 then redis.call('HSET', key, 'shared_until_us', now + SHARED_US) end
  local may_us = from_us + GAP_MS * 1000
  return may_us > now and may_us or nil
end
