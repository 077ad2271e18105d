#!lua flags=allow-oom
-- uses: base, pages
-- ARGV: page, token, then pairs of field and value ('' removes). A changed token gets a new version and half-opens the breaker,
-- unless a person has opened it. 1: the token changed.
local page, token = ARGV[1], ARGV[2]
local key, changed = P .. 'page:' .. page, false
for i = 3, #ARGV, 2 do
  changed = changed or (redis.call('HGET', key, ARGV[i]) or '') ~= ARGV[i + 1]
  if ARGV[i + 1] == '' then redis.call('HDEL', key, ARGV[i]) else redis.call('HSET', key, ARGV[i], ARGV[i + 1]) end
end
redis.call('SADD', P .. 'pages', page)
if changed then wake_page(page) end -- its lanes may wait for a former limit
if token == '' or redis.call('HGET', key, 'token') == token then return 0 end
redis.call('HSET', key, 'token', token)
redis.call('HINCRBY', key, 'token_version', 1)
local f = redis.call('HMGET', key, 'breaker', 'retry_at_ms')
if f[1] and tonumber(f[2] or 0) < BY_HAND_MS then -- half-open: the probe under way tells nothing of the new token
  redis.call('HSET', key, 'retry_at_ms', '0')
  wake_page(page)
end
return 1
