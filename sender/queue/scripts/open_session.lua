#!lua flags=allow-oom
-- ARGV: session, lease_ms. A new owner of jobs. Returns Redis's time (us).
local now = now_us()
note_renewal(ARGV[1], now, ARGV[2] * 1000)
redis.call('SADD', P .. 'outboxes', ARGV[1])
return int(now)
