#!lua flags=allow-oom
-- uses: base, pages, audit
-- ARGV: page, messages a second ('': none any more), for how long in ms ('': until it is changed), who. A limit that a person
-- sets counts instead of the source's and the default. 1: done, 0: unknown page.
local page, limit, for_ms, who = unpack(ARGV)
if redis.call('SISMEMBER', P .. 'pages', page) == 0 then return 0 end
local key = P .. 'page:' .. page
if limit == '' then
  if redis.call('HDEL', key, 'set_limit', 'set_limit_until_ms') > 0 then audit(who, 'limits set', page, 'default') end
else
  local until_ms = for_ms == '' and BY_HAND_MS or now_us() / 1000 + for_ms
  redis.call('HSET', key, 'set_limit', limit, 'set_limit_until_ms', int(until_ms), 'slowed', '1')
  audit(who, 'limits set', page, limit .. '/s' .. (for_ms == '' and '' or ' for ' .. int(for_ms / 1000) .. ' s'))
end
wake_page(page) -- its lanes may wait for the former limit
return 1
