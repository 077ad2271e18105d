#!lua flags=allow-oom
-- uses: base, outbox
-- ARGV: session, id of the first entry that stays. The entries before it are in the topic: they leave its outbox.
local trimmed = redis.call('XTRIM', P .. 'outbox:' .. ARGV[1], 'MINID', ARGV[2])
count_events(-trimmed)
return trimmed
