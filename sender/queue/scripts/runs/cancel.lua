-- uses: base, runs
-- ARGV: run. Begins to drain it as cancelled, also what has expired so far. 1: done (or it was already), 0: unknown or finished.
local state = redis.call('HGET', P .. 'run:' .. ARGV[1], 'state')
if state == 'cancelled' then return 1 end
if not state or state == 'finished' then return 0 end
begin_drain(ARGV[1], 'cancelled', now_us())
return 1
