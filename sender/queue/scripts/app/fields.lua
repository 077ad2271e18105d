#!lua flags=no-writes
-- uses: base
-- ARGV: for each kind of hash how its keys begin, ids, fields (both MessagePack). Returns for each kind, for each id, the values
-- of these fields; nil: missing. One answer for hundreds of hashes costs a tenth of as many commands.
local kinds = {}
for at = 1, #ARGV, 3 do
  local begins, fields, values = P .. ARGV[at], cmsgpack.unpack(ARGV[at + 2]), {}
  for n, id in ipairs(cmsgpack.unpack(ARGV[at + 1])) do values[n] = redis.call('HMGET', begins .. id, unpack(fields)) end
  kinds[#kinds + 1] = values
end
return kinds
