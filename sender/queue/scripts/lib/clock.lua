-- uses: base, gcra
-- Redis's clock was set back: what waits for a moment of the former time would wait for that much longer. So that moment
-- is moved back as well: a little with each call, since Redis does nothing else meanwhile, and much may wait.

local SHIFTED_AT_ONCE = 200
local MOMENTS = {waiting = 1, delayed = 1000, parked = 1000} -- us in their unit

local function shift_field(key, field, by)
  if redis.call('HEXISTS', key, field) == 1 then redis.call('HINCRBY', key, field, int(by)) end
end

local function shift_fields(key, back_us)
  for _, field in ipairs({'cut_us', 'hold_until_us', 'ceiling_until_us', 'shared_from_us', 'shared_until_us', 'last_at_us'}) do
    shift_field(key, field, -back_us)
  end
  local paused = tonumber(redis.call('HGET', key, 'paused_until_ms') or 0)
  if paused > 0 and paused < 9999999999999 then shift_field(key, 'paused_until_ms', -back_us / 1000) end
  local retry = tonumber(redis.call('HGET', key, 'retry_at_ms') or 0)
  if retry > 0 and retry < 9999999999999 then shift_field(key, 'retry_at_ms', -back_us / 1000) end
  shift_field(key, 'set_limit_until_ms', -back_us / 1000)
end

local function shift_clock(key, field, back_us)
  local packed = redis.call('HGET', key, field)
  if not packed then return end
  local clock = unpack_clock(packed)
  clock.tat, clock.from = clock.tat - back_us, clock.from - back_us
  redis.call('HSET', key, field, cmsgpack.pack(clock))
end

local function shift_page(page, back_us)
  for _, content in ipairs({'text', 'media'}) do
    shift_clock(P .. 'page:' .. page, 'clock:' .. content, back_us)
    shift_field(P .. 'lane:' .. page .. '/' .. content .. ':pace', 'tat_us', -back_us) -- see gcra.lua
  end
  shift_fields(P .. 'page:' .. page, back_us)
end

local function begin_shifting(back_us)
  for name in pairs(MOMENTS) do
    if redis.call('EXISTS', P .. name) == 1 then redis.call('RENAME', P .. name, P .. name .. ':shifting') end
  end
  redis.call('COPY', P .. 'pages', P .. 'pages:shifting', 'REPLACE')
  redis.call('HSET', P .. 'app', 'shift_us', int(back_us))
end

-- Move on with what is being shifted. What waits in it meanwhile comes a few calls later.
local function go_on_shifting()
  local f = redis.call('HMGET', P .. 'app', 'shift_us', 'shift_next_us')
  local back_us = tonumber(f[1] or 0)
  if back_us == 0 then return end
  local moved = 0
  for name, unit in pairs(MOMENTS) do
    local members = redis.call('ZPOPMIN', P .. name .. ':shifting', SHIFTED_AT_ONCE)
    for i = 1, #members, 2 do
      redis.call('ZADD', P .. name, int(members[i + 1] - back_us / unit), members[i])
    end
    moved = moved + #members
  end
  local pages = redis.call('SPOP', P .. 'pages:shifting', SHIFTED_AT_ONCE / 10)
  for _, page in ipairs(pages) do shift_page(page, back_us) end
  if moved + #pages > 0 then return end
  redis.call('HDEL', P .. 'app', 'shift_us', 'shift_next_us')
  if f[2] then begin_shifting(tonumber(f[2])) end
end

local function move_leases(by_us)
  for _, session in ipairs(redis.call('ZRANGE', P .. 'sessions', 0, -1)) do
    redis.call('ZINCRBY', P .. 'sessions', int(by_us), session)
  end
end

-- A second jump is followed when the first one has been: until then what waits, waits too long, but not for ever.
local function follow_clock(back_us)
  move_leases(-back_us)
  shift_fields(P .. 'app', back_us)
  shift_field(P .. 'app', 'tat_us', -back_us)
  shift_clock(P .. 'app', 'clock', back_us)
  if redis.call('HEXISTS', P .. 'app', 'shift_us') == 1 then
    redis.call('HINCRBY', P .. 'app', 'shift_next_us', int(back_us))
  else
    begin_shifting(back_us)
  end
end
