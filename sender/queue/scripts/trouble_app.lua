#!lua flags=allow-oom
-- ARGV: ms, reason, threshold. A failure of the whole app; at the threshold (1: at once) nothing is claimed for any page for `ms`.
-- Returns whether it is paused now.
local ms, reason, threshold = ARGV[1], ARGV[2], tonumber(ARGV[3])
redis.call('SADD', P .. 'troubled', 'app')
if redis.call('HINCRBY', P .. 'app', 'failures', 1) < threshold then return 0 end
local until_ms = math.max(tonumber(redis.call('HGET', P .. 'app', 'paused_until_ms') or 0), now_us() / 1000 + ms)
redis.call('HSET', P .. 'app', 'paused_until_ms', int(until_ms), 'pause_reason', reason)
return 1
