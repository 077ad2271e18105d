-- ARGV: run, cursor, next cursor, last (0/1), records ... Appends and moves the cursor in one step. 1: done, 0: not at `cursor`.
local run, cursor, next_cursor, last = unpack(ARGV, 1, 4)
local key = P .. 'run:' .. run
local f = redis.call('HMGET', key, 'cursor', 'state', 'enqueued')
if f[1] ~= cursor or f[3] ~= '0' or (f[2] ~= 'enqueuing' and f[2] ~= 'expired') then return 0 end
local count = #ARGV - 4
for first = 5, #ARGV, 1000 do
  redis.call('RPUSH', key .. ':jobs', unpack(ARGV, first, math.min(first + 999, #ARGV)))
end
redis.call('HINCRBY', key, 'recipients', count)
redis.call('HINCRBY', key, 'left', count)
redis.call('HSET', key, 'cursor', next_cursor)
if last == '1' then
  redis.call('HSET', key, 'enqueued', '1')
  if f[2] == 'enqueuing' then redis.call('HSET', key, 'state', 'active') end
  finish_if_done(run, now_us())
end
if count > 0 then activate_run(run) end
return 1
