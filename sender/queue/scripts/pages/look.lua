#!lua flags=no-writes
-- uses: base, units, gcra, pace
-- ARGV: pages (MessagePack), default limit text, default limit media, how many units are enough. What a list of pages shows.
-- Returns {now_us, how many pages were looked at, rows in MessagePack}: fewer pages than asked for when their units were
-- many; ask again for the others. A row: {page, name or '', and of text and of media: limit, now (messages a second), reached
-- (of the last ten seconds); messages whose turn has come, when the first run of them was taken (ms; 0: none), and, where
-- anything slows the page or stops it, {field, value ...} as explain.lua tells it}.
local limits = {tonumber(ARGV[2]), tonumber(ARGV[3])}
local CONTENTS, budget, now = {'text', 'media'}, tonumber(ARGV[4]), now_us()
local TROUBLE = {
  'paused_until_ms', 'probe', 'breaker', 'slowed', -- with none of these the others say nothing
  'pace', 'pace_rule', 'cut_us', 'climbed_us', 'hold_until_us', 'cut_factor', 'ceiling', 'ceiling_until_us', 'ceiling_rule',
  'pause_reason', 'pause_rule', 'reason', 'breaker_rule', 'retry_at_ms', 'set_limit', 'set_limit_until_ms',
}

local function trouble(page, f)
  local found = redis.call('HMGET', P .. 'page:' .. page, unpack(TROUBLE))
  if not (found[1] or found[2] or found[3] or found[4]) then return nil end
  local told = {}
  for i, name in ipairs(TROUBLE) do
    f[name] = found[i] or nil
    if found[i] then
      told[#told + 1] = name
      told[#told + 1] = found[i]
    end
  end
  if f.pace then
    told[#told + 1] = 'full_us'
    told[#told + 1] = full_us(f, now, 1 / f.pace)
  end
  return told
end

-- How many messages of a lane have their turn, and when the first of their runs was taken; of its first thousand units.
local MOST_UNITS = 1000
local function turns(lane)
  local count, first_ms = 0, 0
  for _, unit in ipairs(redis.call('ZRANGE', P .. 'lane:' .. lane, 0, MOST_UNITS - 1)) do
    budget = budget - 1
    count = count + redis.call('LLEN', P .. list_of(unit))
    local taken_ms = tonumber(redis.call('HGET', P .. 'run:' .. run_of(unit), 'taken_at_ms') or 0)
    if taken_ms > 0 and (first_ms == 0 or taken_ms < first_ms) then first_ms = taken_ms end
  end
  return count, first_ms
end

local function look(page)
  local own = redis.call('HMGET', P .. 'page:' .. page, 'name', 'limit_text', 'limit_media', 'clock:text', 'clock:media')
  local f, row, waiting, oldest_ms = {}, {page, own[1] or ''}, 0, 0
  local told = trouble(page, f)
  for i, content in ipairs(CONTENTS) do
    local slow, full = page_limit_now(f, tonumber(own[1 + i] or limits[i]), content, now)
    row[#row + 1], row[#row + 2], row[#row + 3] = full, slow, own[3 + i] and rate(unpack_clock(own[3 + i]), now) or 0
    local count, first_ms = turns(page .. '/' .. content)
    waiting = waiting + count
    if first_ms > 0 and (oldest_ms == 0 or first_ms < oldest_ms) then oldest_ms = first_ms end
    if told then
      for name, value in pairs({['_limit'] = full, ['_now'] = slow}) do
        told[#told + 1] = content .. name
        told[#told + 1] = tostring(value)
      end
    end
  end
  row[#row + 1], row[#row + 2], row[#row + 3] = waiting, oldest_ms, told or {}
  return row
end

local rows = {}
for i, page in ipairs(cmsgpack.unpack(ARGV[1])) do
  if budget <= 0 then break end
  rows[i] = look(page)
end
return {int(now), #rows, cmsgpack.pack(rows)}
