-- uses: base, units, lanes, runs
-- ARGV: run, cursor, next cursor, last (0/1), ended, records ... Appends the records and moves the cursor in one step.
-- ended: MessagePack, outcome -> how many of this chunk had ended before, in a queue that was lost. 1: done, 0: not at `cursor`.
local run, cursor, next_cursor, last, ended = unpack(ARGV, 1, 5)
local first = 6 -- of the records
local key = P .. 'run:' .. run
local f = redis.call('HMGET', key, 'cursor', 'state', 'enqueued')
if f[1] ~= cursor or f[3] ~= '0' or (f[2] ~= 'enqueuing' and f[2] ~= 'expired') then return 0 end
local count, plain = #ARGV - first + 1, {}
for i = first, #ARGV do
  if (string.byte(ARGV[i], 17) or 0) < 0x97 then plain[#plain + 1] = ARGV[i] else queue_record('RPUSH', run, ARGV[i]) end
end
for from = 1, #plain, 1000 do
  redis.call('RPUSH', P .. 'jobs:' .. run, unpack(plain, from, math.min(from + 999, #plain)))
end
redis.call('HINCRBY', key, 'recipients', count)
redis.call('HINCRBY', key, 'left', count)
for outcome, n in pairs(cmsgpack.unpack(ended)) do
  redis.call('HINCRBY', key, 'recipients', n)
  redis.call('HINCRBY', key, outcome, n)
  redis.call('HINCRBY', key, 'kept', n) -- of its outcomes: nothing ended now
end
redis.call('HSET', key, 'cursor', next_cursor)
if last == '1' then
  redis.call('HSET', key, 'enqueued', '1')
  if f[2] == 'enqueuing' then redis.call('HSET', key, 'state', 'active') end
  finish_if_done(run, now_us())
end
if count > 0 then activate_run(run) end
return 1
