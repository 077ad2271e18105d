#!lua flags=allow-oom
-- uses: base
-- ARGV: session. Forgets the outbox of a session that is gone, when it is empty. 1: events wait in it for somebody else
-- to relay them, 0: nothing to do.
local session = ARGV[1]
if redis.call('ZSCORE', P .. 'sessions', session) then return 0 end
if redis.call('XLEN', P .. 'outbox:' .. session) > 0 then return 1 end
redis.call('SREM', P .. 'outboxes', session)
redis.call('DEL', P .. 'outbox:' .. session)
return 0
