#!lua flags=no-writes
-- uses: base
-- ARGV: pairs of run and job id. Where these jobs are, as far as that can be looked up. Returns {now_us, answer ...}: of
-- each {state, enqueued, cursor, how many of the run stand aside, session, its lease (us), record, mark}; state '': the queue
-- does not know the run; session '': nobody holds the job.
local sessions = redis.call('ZRANGE', P .. 'sessions', 0, -1, 'WITHSCORES')
local answer = {int(now_us())}

local function held(tagged, id)
  for i = 1, #sessions, 2 do
    local record = redis.call('HGET', P .. 'held:' .. sessions[i], id)
    if record and string.sub(record, 1, #tagged) == tagged then
      return sessions[i], sessions[i + 1], record, redis.call('HGET', P .. 'marks:' .. sessions[i], id) or ''
    end
  end
  return '', '', '', ''
end

for i = 1, #ARGV, 2 do
  local run, id = ARGV[i], ARGV[i + 1]
  local f = redis.call('HMGET', P .. 'run:' .. run, 'state', 'enqueued', 'cursor')
  answer[#answer + 1] = {f[1] or '', f[2] or '', f[3] or '', redis.call('LLEN', P .. 'aside:' .. run), held(run .. '\0' .. id, id)}
end
return answer
