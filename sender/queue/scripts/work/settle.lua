#!lua flags=allow-oom
-- uses: base, packed, lanes, pages, runs, outbox
-- ARGV: session, number of this group, parts, seven for each job: id, run, page, outcome, event, record, delay_ms.
-- A final outcome has no record; `retrying` and '' (given back unharmed, no event) have one. Returns 1 or 0 (not ours) each.
-- Numbers grow. A repeat gives the first answer: a job that was given back may be ours again by now, claimed anew.
local session, number, now = ARGV[1], tonumber(ARGV[2]), now_us()
local held, marks, outbox = P .. 'held:' .. session, P .. 'marks:' .. session, P .. 'outbox:' .. session
local counts, activate, settled, unasked, events = {}, {}, {}, {}, 0
local jobs = parts(ARGV[3], ARGV[4])
local last = redis.call('HMGET', P .. 'claim:' .. session, 'settle:number', 'settle:answer')
if number == tonumber(last[1]) then return cmsgpack.unpack(last[2]) end
if not redis.call('ZSCORE', P .. 'sessions', session) or number < tonumber(last[1] or 0) then
  for i = 1, #jobs, 7 do
    settled[#settled + 1] = 0
    log_if_lost(session, jobs[i + 1], jobs[i + 2], jobs[i + 4])
  end
  return settled
end
for i = 1, #jobs, 7 do
  local id, run, page, outcome, event, record, delay_ms = unpack(jobs, i, i + 6)
  local ours = redis.call('HDEL', held, id)
  settled[#settled + 1] = ours
  if ours == 0 then
    log_if_lost(session, run, page, event)
  else
    local marked = redis.call('HDEL', marks, id)
    local drained = outcome == 'cancelled' or outcome == 'expired'
    if outcome == '' or (marked == 0 and not drained) then unasked[page] = true end
    if event ~= '' then
      redis.call('XADD', outbox, '*', 'k', page, 'v', event)
      events = events + 1
    end
    if outcome ~= '' then
      counts[run] = counts[run] or {}
      counts[run][outcome] = (counts[run][outcome] or 0) + 1
    end
    if outcome == 'failed' or outcome == 'unknown' then
      redis.call('XADD', P .. 'failures', 'MAXLEN', '~', 500, '*', 'v', event)
    end
    if record ~= '' then
      if tonumber(delay_ms) > 0 then
        redis.call('ZADD', P .. 'delayed', int(now / 1000 + delay_ms), run .. '\0' .. record)
      else
        redis.call('LPUSH', P .. 'jobs:' .. run, record)
        activate[run] = true
      end
    end
  end
end
count_events(events)
for run, by_outcome in pairs(counts) do
  local key, final = P .. 'run:' .. run, 0
  for outcome, n in pairs(by_outcome) do
    redis.call('HINCRBY', key, outcome, n)
    if outcome ~= 'retrying' then final = final + n end
  end
  if final > 0 then
    redis.call('HINCRBY', key, 'left', -final)
    finish_if_done(run, now)
  end
end
for run in pairs(activate) do activate_run(run) end
probe_again(unasked)
redis.call('HSET', P .. 'claim:' .. session, 'settle:number', number, 'settle:answer', cmsgpack.pack(settled))
return settled
