#!lua flags=allow-oom
-- uses: base
-- ARGV: id of the request, token, for how long from now (ms; 0: forget it), its answer ('': none yet). 1: done, 0: the
-- request is not ours any more.
local id, token, ms, answer = unpack(ARGV)
local key = P .. 'request:' .. id
if redis.call('HGET', key, 'token') ~= token then return 0 end
if ms == '0' then
  redis.call('DEL', key)
  return 1
end
if answer ~= '' then redis.call('HSET', key, 'answer', answer, 'token', '') end
redis.call('PEXPIRE', key, ms)
return 1
