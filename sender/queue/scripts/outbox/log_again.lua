#!lua flags=allow-oom
-- uses: packed, outbox
-- ARGV: session, parts [run, page, event ...]: events settled in a queue that was perhaps lost before they were relayed.
-- Those whose run is gone go into the session's outbox. Returns how many.
local logged = 0
local events = parts(ARGV[2], ARGV[3])
for i = 1, #events, 3 do
  logged = logged + log_if_lost(ARGV[1], events[i], events[i + 1], events[i + 2])
end
return logged
