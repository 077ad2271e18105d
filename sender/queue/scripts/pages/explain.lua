#!lua flags=no-writes
-- uses: base, gcra, pace
-- ARGV: pages (MessagePack), default limit text, default limit media, app limit (0: none). What a claim would go by now.
-- Returns {now_us, {'app', field, value ...}, {page, field, value ...} ...}; a page that never had a run is missing.
-- Beside what is stored, of the app: `limit`, `now` (messages a second; '': no limit), `rate` (really reached, of the last
-- ten seconds), `full_us` (when the pace is whole again); of a page the same as `text_limit`, `text_now` ... and `text_runs`.
local limits, app_limit = {text = tonumber(ARGV[2]), media = tonumber(ARGV[3])}, tonumber(ARGV[4])
local FIELDS = {
  'pace', 'pace_rate', 'pace_rule', 'cut_us', 'climbed_us', 'hold_until_us', 'cut_factor', 'ceiling', 'ceiling_until_us', 'ceiling_rule',
  'paused_until_ms', 'pause_reason', 'pause_rule', 'pause_level', 'probe', 'breaker', 'reason', 'breaker_rule', 'failures', 'retry_at_ms',
  'cooldowns', 'answers', 'set_limit', 'set_limit_until_ms', 'limit_text', 'limit_media',
}
local now = now_us()

local function read(key)
  local found, f = redis.call('HMGET', key, unpack(FIELDS)), {}
  for i, name in ipairs(FIELDS) do f[name] = found[i] or nil end
  return f
end

local function told(name, f)
  local answer = {name}
  for field, value in pairs(f) do
    answer[#answer + 1] = field
    answer[#answer + 1] = tostring(value)
  end
  return answer
end

local function app()
  local f = read(P .. 'app')
  if f.pace_rate then
    f.full_us = full_us(f, now, app_limit > 0 and math.min(FAR, app_limit / f.pace_rate) or FAR)
  end
  f.now, f.limit = app_limit_now(f, app_limit, now) or '', app_limit > 0 and app_limit or ''
  f.rate = rate(read_clock(P .. 'app', 'clock'), now)
  return told('app', f)
end

local function explain(page)
  local f = read(P .. 'page:' .. page)
  if f.pace then f.full_us = full_us(f, now, 1 / f.pace) end
  for content, default in pairs(limits) do
    local slow, full = page_limit_now(f, tonumber(f['limit_' .. content] or default), content, now)
    f[content .. '_now'], f[content .. '_limit'] = slow, full
    f[content .. '_rate'] = rate(read_clock(P .. 'page:' .. page, 'clock:' .. content), now)
    f[content .. '_runs'] = redis.call('ZCARD', P .. 'lane:' .. page .. '/' .. content)
  end
  return told(page, f)
end

local answer = {int(now), app()}
for _, page in ipairs(cmsgpack.unpack(ARGV[1])) do
  if redis.call('SISMEMBER', P .. 'pages', page) == 1 then answer[#answer + 1] = explain(page) end
end
return answer
