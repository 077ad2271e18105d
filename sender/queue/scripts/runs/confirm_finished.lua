#!lua flags=allow-oom
-- uses: base
-- ARGV: runs ... that the registry has noted as finished. They stay readable here until they are forgotten.
for _, run in ipairs(ARGV) do
  if redis.call('ZREM', P .. 'finished', run) == 1 then
    redis.call('ZADD', P .. 'ended', redis.call('HGET', P .. 'run:' .. run, 'finished_at_ms') or 0, run)
  end
end
return 1
