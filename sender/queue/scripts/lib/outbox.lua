-- uses: base
-- Events on their way to the broker.

-- How many events wait in all outboxes is kept as a number, so that a claim need not ask each.
local function count_events(more)
  if more ~= 0 then redis.call('HINCRBY', P .. 'app', 'outbox', more) end
end

-- Nothing is settled for a stale owner. But what it knows of a run that this Redis does not know, because it was lost
-- with its queue, goes to the log all the same, so that a recovery need not guess. Rows are unique by event.
local function log_if_lost(session, run, page, event)
  if event == '' or redis.call('EXISTS', P .. 'run:' .. run) == 1 then return 0 end
  redis.call('SADD', P .. 'outboxes', session)
  redis.call('XADD', P .. 'outbox:' .. session, '*', 'k', page, 'v', event)
  count_events(1)
  return 1
end
