#!lua flags=allow-oom
-- uses: base, leases
-- ARGV: session. Ends it when it holds nothing. 1: gone, 0: it still holds jobs.
local session = ARGV[1]
if redis.call('EXISTS', P .. 'held:' .. session) == 1 then return 0 end
if redis.call('ZREM', P .. 'sessions', session) == 1 then note_sender_stops(now_us()) end
redis.call('DEL', P .. 'claim:' .. session)
return 1
