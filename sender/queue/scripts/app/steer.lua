#!lua flags=allow-oom
-- uses: base, pages, audit
-- ARGV: what: pause (for ever), resume; who does it. All pages at once, by hand. Returns how many jobs are held by senders:
-- what of them has been marked ends as it ends.
local what, who = unpack(ARGV)
local key, by_hand, changed = P .. 'app', int(BY_HAND_MS), false
if what == 'pause' then
  local f = redis.call('HMGET', key, 'paused_until_ms', 'pause_reason')
  changed = f[1] ~= by_hand or f[2] ~= 'by hand'
  redis.call('HSET', key, 'paused_until_ms', by_hand, 'pause_reason', 'by hand', 'paused_by', who)
  redis.call('HDEL', key, 'pause_rule', 'pause_level', 'probe')
else
  changed = redis.call('HDEL', key, 'paused_until_ms', 'pause_reason', 'pause_rule', 'pause_level', 'probe',
    'paused_by') > 0
  redis.call('HDEL', key, 'answers')
end
local held = 0
for _, session in ipairs(redis.call('ZRANGE', P .. 'sessions', 0, -1)) do
  held = held + redis.call('HLEN', P .. 'held:' .. session)
end
if changed then audit(who, what .. ' --all', 'all pages', held .. ' messages with senders') end
return held
