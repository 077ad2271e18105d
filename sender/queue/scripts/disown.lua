#!lua flags=allow-oom
-- ARGV: session, ids ... that its process has never heard of. Returns the marked ones {run, record, attempt, sent_at_us} ...
local session, ids, tagged = ARGV[1], {}, {}
for i = 2, #ARGV do
  ids[#ids + 1] = ARGV[i]
  tagged[ARGV[i]] = redis.call('HGET', P .. 'held:' .. session, ARGV[i]) or nil
end
return disown(session, session, ids, tagged)
