#!lua flags=allow-oom
-- uses: base, requeue
-- ARGV: session, ids ... that its process has never heard of. Returns the marked ones {run, record, attempt, sent_at_us} ...
local session, ids, tagged = ARGV[1], {}, {}
for i = 2, #ARGV do
  ids[#ids + 1] = ARGV[i]
  tagged[ARGV[i]] = redis.call('HGET', P .. 'held:' .. session, ARGV[i]) or nil
end
redis.call('HDEL', P .. 'claim:' .. session, 'send:id', 'drain:id') -- no late repeat may hand them out once more
return requeue(session, session, ids, tagged)
