-- uses: base
-- ARGV: run, page, lane, spec (JSON), priority, expires_at_ms. Makes an empty run. A known one is described anew as long as
-- nothing of it was enqueued: it may have changed in its source before it could be registered. 1: made, 0: known.
local run, page, lane, spec, priority, expires_at_ms = unpack(ARGV)
local key = P .. 'run:' .. run
local known = redis.call('HMGET', key, 'state', 'cursor', 'enqueued')
if known[1] and (known[1] ~= 'enqueuing' or known[2] ~= '' or known[3] ~= '0') then return 0 end
redis.call('HSET', key, 'page', page, 'lane', lane, 'spec', spec, 'priority', priority, 'expires_at_ms', expires_at_ms)
redis.call('ZADD', P .. 'expiries', expires_at_ms, run)
redis.call('SADD', P .. 'pages', page)
if known[1] then return 0 end
local now = now_us()
redis.call('HSET', key, 'state', 'enqueuing', 'cursor', '', 'enqueued', '0', 'left', '0', 'recipients', '0', 'taken_at_ms',
  int(now / 1000))
redis.call('ZADD', P .. 'runs', int(now / 1000), run)
return 1
