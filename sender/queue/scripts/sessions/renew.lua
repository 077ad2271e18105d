#!lua flags=allow-oom
-- uses: base, leases
-- ARGV: session, lease_ms, how many jobs the process believes to hold.
-- Returns {} when the session is gone, else {now, number of the last group settled, ids held ...}; the ids only when how many
-- they are differs.
local session, lease_us, believed = ARGV[1], ARGV[2] * 1000, tonumber(ARGV[3])
if not redis.call('ZSCORE', P .. 'sessions', session) then return {} end
local now = now_us()
note_renewal(session, now, lease_us)
local settled = redis.call('HGET', P .. 'claim:' .. session, 'settle:number') or ''
if redis.call('HLEN', P .. 'held:' .. session) == believed then return {int(now), settled} end
local answer = redis.call('HKEYS', P .. 'held:' .. session)
table.insert(answer, 1, settled)
table.insert(answer, 1, int(now))
return answer
