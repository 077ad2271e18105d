#!lua flags=allow-oom
-- uses: base, lanes, audit, happenings
-- ARGV: run, holder, held (0/1), who: the person who does it ('': nobody did, a process follows the source).
-- A person who lets go lets go of the brake too, and what it counts begins anew. 1: done, 0: unknown or ended.
local run, holder, held, who = unpack(ARGV)
local key = P .. 'run:' .. run
local state = redis.call('HGET', key, 'state')
if state ~= 'enqueuing' and state ~= 'active' then return 0 end
local changed, by_person = 0, who and who ~= ''
if held == '1' then
  changed = redis.call('HSETNX', key, 'hold:' .. holder, by_person and who or '1')
  leave_lane(run)
else
  if by_person then
    changed = redis.call('HDEL', key, 'hold:brake', 'brake_rule', 'brake_reason', 'brake_at_ms', 'payload_error')
    redis.call('HDEL', key, 'answers')
  end
  changed = changed + redis.call('HDEL', key, 'hold:' .. holder)
  activate_run(run)
end
if by_person and changed > 0 then
  audit(who, held == '1' and 'run pause' or 'run resume', run, (redis.call('HGET', key, 'left') or '0') .. ' left')
elseif changed > 0 and holder ~= 'window' then
  local scope = {kind = 'run', name = run, key = key}
  if held == '1' then note_begin(scope, holder, holder == 'brake' and 'brake' or 'pause') else note_end(scope, holder, 'resume') end
end
return 1
