-- uses: base, lanes
-- ARGV: run, holder, held (0/1). 1: done, 0: unknown or ended.
local run, holder, held = unpack(ARGV)
local key = P .. 'run:' .. run
local state = redis.call('HGET', key, 'state')
if state ~= 'enqueuing' and state ~= 'active' then return 0 end
if held == '1' then
  redis.call('HSET', key, 'hold:' .. holder, '1')
  leave_lane(run)
else
  redis.call('HDEL', key, 'hold:' .. holder)
  activate_run(run)
end
return 1
