#!lua flags=allow-oom
-- uses: base
-- ARGV: ms. Forgets entries of deny lists that were made longer than this before the oldest unfinished run was taken: every
-- job there is was put into the queue by somebody who had them from the log database. Returns how many.
local pages = redis.call('SMEMBERS', P .. 'denying')
if #pages == 0 then return 0 end
local oldest_ms = now_us() / 1000
local runs = redis.call('ZRANGE', P .. 'expiries', 0, -1)
for first = 1, #runs, 1000 do
  local taken = redis.call('ZMSCORE', P .. 'runs', unpack(runs, first, math.min(first + 999, #runs)))
  for _, ms in ipairs(taken) do oldest_ms = math.min(oldest_ms, tonumber(ms or 0)) end
end
local count = 0
for _, page in ipairs(pages) do
  local list = P .. 'denied:' .. page
  count = count + redis.call('ZREMRANGEBYSCORE', list, '-inf', int(oldest_ms - ARGV[1]))
  if redis.call('EXISTS', list) == 0 then
    redis.call('HDEL', P .. 'page:' .. page, 'denied')
    redis.call('SREM', P .. 'denying', page)
  end
end
return count
