#!lua flags=allow-oom
-- uses: base
-- ARGV: ms. Forgets runs that the registry knows as finished and that ended longer ago than this. Returns how many.
local before = now_us() / 1000 - ARGV[1]
local runs = redis.call('ZRANGE', P .. 'ended', '-inf', int(before), 'BYSCORE', 'LIMIT', 0, 100)
for _, run in ipairs(runs) do
  redis.call('DEL', P .. 'run:' .. run, P .. 'jobs:' .. run)
  redis.call('ZREM', P .. 'runs', run)
  redis.call('ZREM', P .. 'ended', run)
end
return #runs
