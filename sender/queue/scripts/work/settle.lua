#!lua flags=allow-oom
-- uses: base, packed, outbox, units, lanes, pages, runs, judge
-- ARGV: session, number of this group, parts, ten for each job: id, run, page, outcome, event, record, delay_ms, letter,
-- sent_us, verdict. A final outcome has no record; `retrying` and '' (given back unharmed, no event) have one.
-- letter: what the answer was (answers.lua), '' when there was no question; in capitals for a first attempt. verdict: ''
-- when nothing but that is to be said, else MessagePack {error, token version, asked_ms, jitter, {rule ...}, text} (actions.lua).
-- Returns 1 or 0 (not ours) for each job, what happened to runs, pages and the app, and the number of the group before.
-- Numbers grow. A repeat gives the first answer: a job that was given back may be ours again by now, claimed anew.
local session, number, now = ARGV[1], tonumber(ARGV[2]), now_us()
local held, marks, outbox = P .. 'held:' .. session, P .. 'marks:' .. session, P .. 'outbox:' .. session
local counts, activate, settled, unasked, events = {}, {}, {}, {}, 0
local jobs = parts(ARGV[3], ARGV[4])
local PARTS = 10
local last = redis.call('HMGET', P .. 'claim:' .. session, 'settle:number', 'settle:answer')
local before = last[1] or ''
if number == tonumber(last[1]) then return {cmsgpack.unpack(last[2]), {}, before} end
if not redis.call('ZSCORE', P .. 'sessions', session) or number < tonumber(last[1] or 0) then
  for i = 1, #jobs, PARTS do
    settled[#settled + 1] = 0
    log_of_stale(session, jobs[i + 1], jobs[i + 2], jobs[i + 4], jobs[i + 3], jobs[i + 8])
  end
  return {settled, {}, before}
end

local function judge_job(run, page, letter, sent_us, verdict)
  local a, rules = {sent_us = tonumber(sent_us), first = letter == string.upper(letter), error = ''}, {}
  if verdict ~= '' then
    local said = cmsgpack.unpack(verdict)
    a.error, a.token_version, a.asked_ms, a.jitter, a.text = said[1], said[2], said[3], said[4], said[6]
    for i, r in ipairs(said[5]) do
      rules[i] = {
        name = r[1], scope = r[2], action = r[3], count = r[4], of = r[5], share = r[6], in_a_row = r[7], for_ms = r[8],
        longest_ms = r[9], factor = r[10],
      }
    end
  end
  judge(run, page, string.lower(letter), a, rules, now)
end

for i = 1, #jobs, PARTS do
  local id, run, page, outcome, event, record, delay_ms, letter, sent_us, verdict = unpack(jobs, i, i + PARTS - 1)
  local ours = redis.call('HDEL', held, id)
  settled[#settled + 1] = ours
  if ours == 0 then
    log_of_stale(session, run, page, event, outcome, sent_us)
  else
    local marked = redis.call('HDEL', marks, id)
    local drained = outcome == 'cancelled' or outcome == 'expired'
    if outcome == '' or (marked == 0 and not drained) then unasked[page] = true end
    if letter ~= '' then judge_job(run, page, letter, sent_us, verdict) end
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
        local unit = queue_record('LPUSH', run, record)
        if unit then activate[unit] = true end
      end
    end
  end
end
local happened = end_judging()
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
for unit in pairs(activate) do activate_unit(unit) end
probe_again(unasked)
redis.call('HSET', P .. 'claim:' .. session, 'settle:number', number, 'settle:answer', cmsgpack.pack(settled))
return {settled, happened, before}
