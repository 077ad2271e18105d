#!lua flags=allow-oom
-- uses: base, packed
-- ARGV: session, parts [job id, attempt, job id, attempt ...]: "these may now leave".
-- Returns the time of each mark (us), or '' for a job that this session does not own.
local session, now = ARGV[1], int(now_us())
local held, marks, times = P .. 'held:' .. session, P .. 'marks:' .. session, {}
local jobs = parts(ARGV[2], ARGV[3])
for i = 1, #jobs, 2 do
  local time = ''
  if redis.call('HEXISTS', held, jobs[i]) == 1 then
    time = now
    local mark = jobs[i + 1] .. '\0' .. now
    if redis.call('HSETNX', marks, jobs[i], mark) == 0 then
      local before = redis.call('HGET', marks, jobs[i])
      local attempt, at = split(before)
      -- A repeat writes the same again: only for a write can be waited until replicas have it. Of another attempt it is not: a
      -- replica took over that has not heard how that one ended.
      if attempt == jobs[i + 1] then mark, time = before, at end
      redis.call('HSET', marks, jobs[i], mark)
    end
  end
  times[#times + 1] = time
end
return times
