-- uses: base, pages
-- ARGV: page, token, then pairs of field and value ('' removes). A changed token gets a new version and half-opens the breaker.
local page, token = ARGV[1], ARGV[2]
local key = P .. 'page:' .. page
for i = 3, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', key, ARGV[i]) else redis.call('HSET', key, ARGV[i], ARGV[i + 1]) end
end
redis.call('SADD', P .. 'pages', page)
if token == '' or redis.call('HGET', key, 'token') == token then return 0 end
redis.call('HSET', key, 'token', token)
redis.call('HINCRBY', key, 'token_version', 1)
if redis.call('HEXISTS', key, 'breaker') == 1 then -- half-open: the probe under way tells nothing of the new token
  redis.call('HSET', key, 'retry_at_ms', '0')
  wake_page(page)
end
return 1
