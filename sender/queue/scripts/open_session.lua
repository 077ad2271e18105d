#!lua flags=allow-oom
-- ARGV: session, lease_ms. A new owner of jobs. Returns Redis's time (us).
local now = now_us()
local lease_us = ARGV[2] * 1000
local last = tonumber(redis.call('HGET', P .. 'app', 'renewed_at_us') or 0)
if now - last > lease_us / 3 then redis.call('HSET', P .. 'app', 'no_takeover_until_us', int(now + lease_us)) end
redis.call('HSET', P .. 'app', 'renewed_at_us', int(now))
redis.call('ZADD', P .. 'sessions', int(now + lease_us), ARGV[1])
redis.call('SADD', P .. 'outboxes', ARGV[1])
return int(now)
