#!lua flags=allow-oom
-- uses: base, lanes, audit
-- ARGV: run, expires_at_ms as the caller has read it, the later one, spec (JSON) with that, who. Units that wait for a moment
-- are looked at anew. 1: done, 0: unknown or ended, or its expiry is another by now.
local run, before, expires_at_ms, spec, who = unpack(ARGV)
local key = P .. 'run:' .. run
local f = redis.call('HMGET', key, 'state', 'expires_at_ms')
if (f[1] ~= 'enqueuing' and f[1] ~= 'active') or f[2] ~= before then return 0 end
redis.call('HSET', key, 'expires_at_ms', expires_at_ms, 'spec', spec)
redis.call('ZADD', P .. 'expiries', expires_at_ms, run)
unpark_run(run)
audit(who, 'run extend', run, before .. ' -> ' .. expires_at_ms .. ' (ms)')
return 1
