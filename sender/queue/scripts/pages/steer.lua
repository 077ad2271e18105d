#!lua flags=allow-oom
-- uses: base, pages, audit
-- ARGV: pages (MessagePack), what: pause (for ever), resume, open, close; who does it; detail: what the audit trail says
-- besides. By hand. Returns those of the pages that are unknown.
local what, who, detail = unpack(ARGV, 2)
local by_hand = int(BY_HAND_MS)

-- Each returns whether it changed anything.
local acts = {
  pause = function(key)
    local f = redis.call('HMGET', key, 'paused_until_ms', 'pause_reason')
    redis.call('HSET', key, 'paused_until_ms', by_hand, 'pause_reason', 'by hand', 'paused_by', who)
    redis.call('HDEL', key, 'pause_rule', 'pause_level', 'probe')
    return f[1] ~= by_hand or f[2] ~= 'by hand'
  end,
  resume = function(key)
    redis.call('HDEL', key, 'answers') -- what they told led to the pause: it is not told twice
    return redis.call('HDEL', key, 'paused_until_ms', 'pause_reason', 'pause_rule', 'pause_level', 'probe', 'paused_by') > 0
  end,
  open = function(key, page)
    local f = redis.call('HMGET', key, 'breaker', 'retry_at_ms')
    redis.call('HSET', key, 'breaker', 'open', 'retry_at_ms', by_hand, 'reason', 'by hand')
    redis.call('HDEL', key, 'breaker_rule')
    redis.call('HSETNX', key, 'opened_at_ms', int(now_us() / 1000))
    redis.call('SADD', P .. 'troubled', page)
    return f[1] ~= 'open' or f[2] ~= by_hand
  end,
  close = function(key, page)
    redis.call('HDEL', key, 'answers')
    if redis.call('HEXISTS', key, 'probe') == 0 then redis.call('SREM', P .. 'troubled', page) end -- else its answer counts
    return redis.call('HDEL', key, 'failures', 'breaker', 'opened_at_ms', 'retry_at_ms', 'reason', 'breaker_rule',
      'cooldowns') > 0
  end,
}
local noted = (what == 'open' or what == 'close') and 'page breaker ' .. what or 'page ' .. what

local unknown = {}
for _, page in ipairs(cmsgpack.unpack(ARGV[1])) do
  if redis.call('SISMEMBER', P .. 'pages', page) == 0 then
    unknown[#unknown + 1] = page
  else
    if acts[what](P .. 'page:' .. page, page) then audit(who, noted, page, detail) end
    wake_page(page)
  end
end
return unknown
