-- uses: base, runs, claims
-- ARGV: session, claim id, want, outbox bound. Jobs of cancelled and expired runs, to be settled without being sent.
-- Returns {status, {run, page, state, token version, records ...} ...}.
local session, id, want, bound = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local status = may_claim(session, bound)
if status ~= 'ok' then return {status} end
local again = repeat_claim(session, 'drain', id)
if again then return {'ok', unpack(again)} end
local now = now_us()
for _, run in ipairs(redis.call('ZRANGE', P .. 'expiries', '-inf', int(now / 1000), 'BYSCORE', 'LIMIT', 0, 100)) do
  begin_drain(run, 'expired', now)
end
local answer, ids = {'ok'}, {}
for _, run in ipairs(redis.call('SRANDMEMBER', P .. 'draining', 100)) do -- many may have nothing yet: jobs held or delayed
  if want == 0 then break end
  local f = redis.call('HMGET', P .. 'run:' .. run, 'page', 'state')
  local group = {run, f[1] or '', f[2] or '', '0'}
  want = want - take(session, run, want, group, ids)
  if #group > 4 then answer[#answer + 1] = group end
end
if #ids > 0 then remember_claim(session, 'drain', id, ids) end
return answer
