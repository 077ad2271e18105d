-- uses: base
-- What holds runs and was done by no person: rules, the source, senders that are gone. Only changes are noted, in the script
-- that makes them, and carried into the log database beside people's acts (audit.lua), in a stream of their own: no flood of
-- these displaces an act. Of each page and run, and of the app, twenty beginnings an hour are noted: what flaps is not worth
-- more. What began without a note ends without one.

local MOST_HAPPENINGS = 20000
local MOST_BEGINNINGS = 20

-- scope: {kind, name, key}.
local function note_happening(scope, who, what, detail, at_us)
  local app = scope.kind == 'app'
  redis.call('XADD', P .. 'happenings', 'MAXLEN', '~', MOST_HAPPENINGS, '*', 'who', who,
    'what', app and what .. ' --all' or scope.kind .. ' ' .. what, 'target', app and 'all pages' or scope.name,
    'detail', detail or '', 'at_ms', int((at_us or now_us()) / 1000))
end

local function note_begin(scope, who, what, detail, at_us)
  local hour, f = int(math.floor(now_us() / 3600e6)), redis.call('HMGET', scope.key, 'noted', 'noted_hour')
  local noted = f[2] == hour and tonumber(f[1] or 0) + 1 or 1
  redis.call('HSET', scope.key, 'noted', noted, 'noted_hour', hour)
  if noted == MOST_BEGINNINGS then detail = detail .. ' (what begins later in this hour is not noted)' end
  if noted <= MOST_BEGINNINGS then note_happening(scope, who, what, detail, at_us) end
end

local function note_end(scope, who, what, detail, at_us)
  local noted = tonumber(redis.call('HGET', scope.key, 'noted') or 0)
  if noted <= MOST_BEGINNINGS then note_happening(scope, who, what, detail, at_us) end
end
