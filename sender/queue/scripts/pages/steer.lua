#!lua flags=allow-oom
-- uses: base, pages, audit
-- ARGV: page, what: pause (for ever), resume, open, close; who does it; detail: what the audit trail says besides. By hand.
-- 1: done, 0: unknown page.
local page, what, who, detail = unpack(ARGV)
if redis.call('SISMEMBER', P .. 'pages', page) == 0 then return 0 end
local key, by_hand, changed = P .. 'page:' .. page, int(BY_HAND_MS), false
if what == 'pause' then
  local f = redis.call('HMGET', key, 'paused_until_ms', 'pause_reason')
  changed = f[1] ~= by_hand or f[2] ~= 'by hand'
  redis.call('HSET', key, 'paused_until_ms', by_hand, 'pause_reason', 'by hand', 'paused_by', who)
  redis.call('HDEL', key, 'pause_rule', 'pause_level', 'probe')
elseif what == 'resume' then
  changed = redis.call('HDEL', key, 'paused_until_ms', 'pause_reason', 'pause_rule', 'pause_level', 'probe',
    'paused_by') > 0
  redis.call('HDEL', key, 'answers') -- what they told led to the pause: it is not told twice
elseif what == 'open' then
  local f = redis.call('HMGET', key, 'breaker', 'retry_at_ms')
  changed = f[1] ~= 'open' or f[2] ~= by_hand
  redis.call('HSET', key, 'breaker', 'open', 'retry_at_ms', by_hand, 'reason', 'by hand')
  redis.call('HDEL', key, 'breaker_rule')
  redis.call('HSETNX', key, 'opened_at_ms', int(now_us() / 1000))
  redis.call('SADD', P .. 'troubled', page)
elseif what == 'close' then
  changed = redis.call('HDEL', key, 'failures', 'breaker', 'opened_at_ms', 'retry_at_ms', 'reason', 'breaker_rule',
    'cooldowns') > 0
  redis.call('HDEL', key, 'answers')
  if redis.call('HEXISTS', key, 'probe') == 0 then redis.call('SREM', P .. 'troubled', page) end -- else its answer counts
end
if changed then
  audit(who, (what == 'open' or what == 'close') and 'page breaker ' .. what or 'page ' .. what, page, detail)
end
wake_page(page)
return 1
