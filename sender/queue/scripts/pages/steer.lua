-- uses: base, pages
-- ARGV: page, what: pause (for ever), resume, open, close. By hand. 1: done, 0: unknown page.
local page, what = ARGV[1], ARGV[2]
if redis.call('SISMEMBER', P .. 'pages', page) == 0 then return 0 end
local key = P .. 'page:' .. page
if what == 'pause' then
  redis.call('HSET', key, 'paused_until_ms', '9999999999999', 'pause_reason', 'by hand')
elseif what == 'resume' then
  redis.call('HDEL', key, 'paused_until_ms', 'pause_reason')
elseif what == 'open' then
  redis.call('HSET', key, 'breaker', 'open', 'retry_at_ms', '9999999999999', 'reason', 'by hand')
  redis.call('HSETNX', key, 'opened_at_ms', int(now_us() / 1000))
  redis.call('SADD', P .. 'troubled', page)
elseif what == 'close' then
  redis.call('HDEL', key, 'failures', 'breaker', 'opened_at_ms', 'retry_at_ms', 'reason')
  redis.call('SREM', P .. 'troubled', page)
end
wake_page(page)
return 1
