#!lua flags=no-writes
-- uses: base
-- ARGV: pages (MessagePack). Returns those that have a token.
local answer = {}
for _, page in ipairs(cmsgpack.unpack(ARGV[1])) do
  if redis.call('HEXISTS', P .. 'page:' .. page, 'token') == 1 then answer[#answer + 1] = page end
end
return answer
