#!lua flags=allow-oom
-- uses: base, pages
-- ARGV: page, kind, ms, reason, threshold, token version. What an answer to that version of the token said about the whole page.
-- kind `pause`: nothing is claimed for `ms`; `failure`: counts, and opens the breaker at the threshold; `open`: opens it at once.
-- One that is paused or open for longer stays so, with its reason.
-- Returns the breaker's state after it, and whether it changed or a pause began.
local page, kind, ms, reason, threshold, version = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5]), ARGV[6]
local key, now_ms = P .. 'page:' .. page, now_us() / 1000
local before = redis.call('HGET', key, 'breaker') or 'closed'
if kind == 'pause' then
  local standing_ms = tonumber(redis.call('HGET', key, 'paused_until_ms') or 0)
  if standing_ms < now_ms + ms then
    redis.call('HSET', key, 'paused_until_ms', int(now_ms + ms), 'pause_reason', reason)
  end
  return {before, standing_ms > now_ms and 0 or 1}
end
if (redis.call('HGET', key, 'token_version') or '0') ~= version then return {before, 0} end -- about a former token
redis.call('SADD', P .. 'troubled', page)
local failures = redis.call('HINCRBY', key, 'failures', 1)
if kind == 'failure' and failures < threshold and before ~= 'half_open' then return {before, 0} end
if before == 'open' and tonumber(redis.call('HGET', key, 'retry_at_ms') or 0) > now_ms + ms then return {'open', 0} end
redis.call('HSET', key, 'breaker', 'open', 'retry_at_ms', int(now_ms + ms), 'reason', reason)
if before == 'open' then return {'open', 0} end
redis.call('HSET', key, 'opened_at_ms', int(now_ms))
wake_page(page) -- a failed probe may have parked it for longer
return {'open', 1}
