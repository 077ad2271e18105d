#!lua flags=allow-oom
-- uses: base, leases, requeue
-- ARGV: session of the heir, its lease_ms. Takes one session whose lease has run out: unmarked jobs go back, marked ones are returned.
-- Returns {} or {dead session, {run, record, attempt, sent_at_us} ...}.
local heir, now = ARGV[1], now_us()
if not redis.call('ZSCORE', P .. 'sessions', heir) then return {} end
hear(now, ARGV[2] * 1000) -- we may be the first to be back
local overdue = redis.call('ZRANGE', P .. 'sessions', '-inf', int(now), 'BYSCORE', 'LIMIT', 0, 2)
local dead = overdue[1]
if dead == heir then dead = overdue[2] end -- nobody inherits from himself: what is overdue of ours may still be renewed
if not dead then return {} end
local held, ids, tagged = redis.call('HGETALL', P .. 'held:' .. dead), {}, {}
for i = 1, #held, 2 do
  ids[#ids + 1] = held[i]
  tagged[held[i]] = held[i + 1]
end
local marked = requeue(dead, heir, ids, tagged)
redis.call('DEL', P .. 'held:' .. dead, P .. 'marks:' .. dead, P .. 'claim:' .. dead)
redis.call('ZREM', P .. 'sessions', dead)
table.insert(marked, 1, dead)
return marked
