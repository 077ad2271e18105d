-- uses: base
-- Events on their way to the broker.

-- How many events wait in all outboxes is kept as a number, so that a claim need not ask each.
local function count_events(more)
  if more ~= 0 then redis.call('HINCRBY', P .. 'app', 'outbox', more) end
end

local function log_event(session, page, event)
  redis.call('SADD', P .. 'outboxes', session)
  redis.call('XADD', P .. 'outbox:' .. session, '*', 'k', page, 'v', event)
  count_events(1)
end

-- Nothing is settled for a stale owner. But how a message ended that had left goes to the log all the same: whoever has the job
-- now knows at most that it may have left, and this event has the id of his `unknown`, which it corrects. All else he decides
-- anew, and nothing is said of it twice: nor of a run with `on_unknown: resend`, where another attempt has been decided on, which
-- will have an end of its own. But of a run that this Redis does not know, because it was lost with its queue, all
-- that is known goes to the log, so that a recovery need not guess. Returns 1 when it does.
local function log_of_stale(session, run, page, event, outcome, sent_us)
  if event == '' then return 0 end
  local spec = redis.call('HGET', P .. 'run:' .. run, 'spec')
  local known = tonumber(sent_us) > 0 and (outcome == 'sent' or outcome == 'failed')
  if spec and (not known or cjson.decode(spec).on_unknown == 'resend') then return 0 end
  log_event(session, page, event)
  return 1
end
