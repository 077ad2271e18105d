#!lua flags=no-writes
-- uses: base
-- ARGV: pages (MessagePack), fields ... Returns the values of these fields for each page.
local answer = {}
for i, page in ipairs(cmsgpack.unpack(ARGV[1])) do
  answer[i] = redis.call('HMGET', P .. 'page:' .. page, unpack(ARGV, 2))
end
return answer
