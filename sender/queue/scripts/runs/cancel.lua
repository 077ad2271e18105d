#!lua flags=allow-oom
-- uses: base, runs, audit, happenings
-- ARGV: run, who: the person who does it ('': a process follows the source). Begins to drain it as cancelled, also what has
-- expired so far. 1: done (or it was already), 0: unknown or finished.
local run, who = unpack(ARGV)
local state = redis.call('HGET', P .. 'run:' .. run, 'state')
if state == 'cancelled' then return 1 end
if not state or state == 'finished' then return 0 end
local left = redis.call('HGET', P .. 'run:' .. run, 'left') or '0'
begin_drain(run, 'cancelled', now_us())
if who and who ~= '' then
  audit(who, 'run cancel', run, left .. ' left')
else
  note_happening({kind = 'run', name = run}, 'source', 'cancel', left .. ' left')
end
return 1
