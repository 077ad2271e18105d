#!lua flags=allow-oom
-- ARGV: how many words each command has (MessagePack), then all their words. Does them one after the other, also at Redis's
-- maxmemory.
local at = 2
for _, words in ipairs(cmsgpack.unpack(ARGV[1])) do
  redis.call(unpack(ARGV, at, at + words - 1))
  at = at + words
end
