#!lua flags=allow-oom
-- uses: base
-- ARGV: caller, id of the request, fingerprint, token, for how long it is ours (ms), for how long it is kept (ms), how many of
-- a caller are kept: the oldest make room. Returns new; other (the id stands for another request); under way; or answered,
-- with the answer.
local caller, id, fingerprint, token, ours_ms, keep_ms, most = unpack(ARGV)
local key, index, now_ms = P .. 'request:' .. id, P .. 'requests:' .. caller, int(now_us() / 1000)
local f = redis.call('HMGET', key, 'fingerprint', 'answer')
if f[1] then
  if f[1] ~= fingerprint then return {'other'} end
  return f[2] and {'answered', f[2]} or {'under way'}
end
redis.call('HSET', key, 'fingerprint', fingerprint, 'token', token)
redis.call('PEXPIRE', key, ours_ms)
redis.call('ZREMRANGEBYSCORE', index, '-inf', now_ms - keep_ms)
redis.call('ZADD', index, now_ms, id)
redis.call('PEXPIRE', index, keep_ms)
while redis.call('ZCARD', index) > tonumber(most) do
  redis.call('DEL', P .. 'request:' .. redis.call('ZPOPMIN', index)[1])
end
return {'new'}
