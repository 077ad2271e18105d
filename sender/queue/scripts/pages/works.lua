#!lua flags=allow-oom
-- uses: base, pages
-- ARGV: pages (or `app`) ... that gave an answer which only a working one gives: failures are forgotten, a half-open breaker
-- closes. An open one stays: what is answered while nothing may be sent had left before, and tells nothing new.
-- Returns the pages whose breaker closed.
local closed = {}
for _, page in ipairs(ARGV) do
  local key = P .. 'page:' .. page
  local breaker = redis.call('HGET', key, 'breaker')
  local troubled = breaker ~= 'open' and redis.call('SREM', P .. 'troubled', page) == 1
  if troubled and page == 'app' then
    redis.call('HDEL', P .. 'app', 'failures')
  elseif troubled then
    redis.call('HDEL', key, 'failures', 'breaker', 'opened_at_ms', 'retry_at_ms', 'reason')
    if breaker == 'half_open' then
      closed[#closed + 1] = page
      wake_page(page)
    end
  end
end
return closed
