#!lua flags=allow-oom
-- uses: base
-- ARGV: ms, reason, threshold. A failure of the whole app; at the threshold (1: at once) nothing is claimed for any page for `ms`.
-- One that is paused for longer stays so, with its reason. Returns whether a pause began.
local ms, reason, threshold = ARGV[1], ARGV[2], tonumber(ARGV[3])
redis.call('SADD', P .. 'troubled', 'app')
if redis.call('HINCRBY', P .. 'app', 'failures', 1) < threshold then return 0 end
local now_ms, standing_ms = now_us() / 1000, tonumber(redis.call('HGET', P .. 'app', 'paused_until_ms') or 0)
if standing_ms < now_ms + ms then
  redis.call('HSET', P .. 'app', 'paused_until_ms', int(now_ms + ms), 'pause_reason', reason)
end
return standing_ms > now_ms and 0 or 1
