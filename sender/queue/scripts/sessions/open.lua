#!lua flags=allow-oom
-- uses: base, lanes, leases
-- ARGV: session, lease_ms. A new owner of jobs. The events that wait are counted anew: somebody may have deleted some.
-- Returns Redis's time (us).
local now = now_us()
note_sender_comes(now)
note_renewal(ARGV[1], now, ARGV[2] * 1000)
for _, run in ipairs(redis.call('SMEMBERS', P .. 'zoned')) do activate_run(run) end -- a former release forgets their turns
redis.call('SADD', P .. 'outboxes', ARGV[1])
local waiting = 0
for _, session in ipairs(redis.call('SMEMBERS', P .. 'outboxes')) do
  waiting = waiting + redis.call('XLEN', P .. 'outbox:' .. session)
end
redis.call('HSET', P .. 'app', 'outbox', waiting)
return int(now)
