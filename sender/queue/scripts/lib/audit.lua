-- uses: base
-- What people did. The entry is written in the act's own script: nothing is done without it, also while Postgres is away.
-- The run processor carries the stream into the log database (table `audit`); an act that changes nothing has no entry.

local MOST_ENTRIES = 100000

local function audit(who, what, target, detail)
  redis.call('XADD', P .. 'audit', 'MAXLEN', '~', MOST_ENTRIES, '*', 'who', who, 'what', what, 'target', target,
    'detail', detail or '', 'at_ms', int(now_us() / 1000))
end
