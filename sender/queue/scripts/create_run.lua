-- ARGV: run, page, lane, spec (JSON), priority, expires_at_ms. Makes an empty run; nothing when it is known.
local run, page, lane, spec, priority, expires_at_ms = unpack(ARGV)
local key = P .. 'run:' .. run
if redis.call('EXISTS', key) == 1 then return 0 end
local now = now_us()
redis.call('HSET', key, 'page', page, 'lane', lane, 'spec', spec, 'priority', priority, 'expires_at_ms', expires_at_ms,
  'state', 'enqueuing', 'cursor', '', 'enqueued', '0', 'left', '0', 'recipients', '0', 'taken_at_ms', int(now / 1000))
redis.call('ZADD', P .. 'runs', int(now / 1000), run)
redis.call('ZADD', P .. 'expiries', expires_at_ms, run)
redis.call('SADD', P .. 'pages', page)
return 1
