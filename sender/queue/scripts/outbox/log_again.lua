#!lua flags=allow-oom
-- uses: packed, outbox
-- ARGV: session, parts [run, page, event, outcome, sent_us ...]: events settled in a Redis that has perhaps lost them before they
-- were relayed. They go into the session's outbox (again) as those of a stale owner do. Returns how many.
local logged = 0
local events = parts(ARGV[2], ARGV[3])
for i = 1, #events, 5 do logged = logged + log_of_stale(ARGV[1], unpack(events, i, i + 4)) end
return logged
