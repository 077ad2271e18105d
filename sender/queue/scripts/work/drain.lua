#!lua flags=allow-oom
-- uses: base, two_clocks, units, claims, lanes, runs
-- ARGV: session, claim id, want, outbox bound, the caller's wall clock (ms). Jobs of cancelled and expired runs, and those
-- that stand aside, to be settled without being sent.
-- Returns {status, group ...}: see claims.lua.
local session, id, want, bound, wall_ms = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local status = may_claim(session, bound)
if status ~= 'ok' then return {status} end
local again = repeat_claim(session, 'drain', id)
if again then return {'ok', unpack(again)} end
local now = now_us()
for _, run in ipairs(redis.call('ZRANGE', P .. 'expiries', '-inf', int(now / 1000), 'BYSCORE', 'LIMIT', 0, 100)) do
  local expires_ms = tonumber(redis.call('ZSCORE', P .. 'expiries', run))
  if both_past(expires_ms, now / 1000, wall_ms) then begin_drain(run, 'expired', now) end
end
local answer, ids = {'ok'}, {}

local function hand_out(run, list)
  local records = redis.call('LPOP', P .. list, want)
  if not records then return end
  local f = redis.call('HMGET', P .. 'run:' .. run, 'page', 'state')
  local group = {run, f[1] or '', f[2] or '', '0', '0'}
  hold_records(session, run, records, group, ids)
  answer[#answer + 1] = group
  want = want - #records
end

for _, run in ipairs(redis.call('SRANDMEMBER', P .. 'draining', 100)) do -- many may have nothing yet: jobs held or delayed
  if string.find(run, '\0', 1, true) then -- a unit that a sender of the first release took for a run without an end
    redis.call('SREM', P .. 'draining', run)
    redis.call('DEL', P .. 'run:' .. run)
    activate_unit(run)
  else
    for _, unit in ipairs(units_of(run)) do
      if want > 0 then hand_out(run, list_of(unit)) end
    end
  end
end
for _, run in ipairs(redis.call('SRANDMEMBER', P .. 'asides', 100)) do
  if want > 0 then hand_out(run, 'aside:' .. run) end
  if redis.call('EXISTS', P .. 'aside:' .. run) == 0 then redis.call('SREM', P .. 'asides', run) end
end
if #ids > 0 then remember_claim(session, 'drain', id, ids) end
return answer
