#!lua flags=allow-oom
-- uses: base, audit
-- ARGV: page, what (add, remove, lift), who, command, detail, changed (1: the log database was changed by it), persons ...
-- Lets jobs that are queued already obey the page's deny list, which the log database has: see lib/persons.lua. Who did it
-- is noted, unless nothing was changed; with `lift` nothing but that is done. Returns how many people were changed here.
local page, what, who, command, detail, changed = unpack(ARGV, 1, 6)
local list, count, now_ms = P .. 'denied:' .. page, 0, int(now_us() / 1000)
for i = 7, #ARGV do
  if what == 'add' then
    count = count + redis.call('ZADD', list, now_ms, ARGV[i])
  elseif what == 'remove' then
    count = count + redis.call('ZREM', list, ARGV[i])
  end
end
if redis.call('EXISTS', list) == 1 then
  redis.call('HSET', P .. 'page:' .. page, 'denied', '1')
  redis.call('SADD', P .. 'denying', page)
else
  redis.call('HDEL', P .. 'page:' .. page, 'denied')
  redis.call('SREM', P .. 'denying', page)
end
if count > 0 or changed == '1' then audit(who, command, page, detail) end
return count
