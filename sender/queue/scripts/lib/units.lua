-- uses: base
-- A unit takes turns in a lane: a run, or those of its recipients that have a time zone of their own, `R\0ZONE`.
-- Each has a list of waiting jobs.

local function run_of(unit)
  local at = string.find(unit, '\0', 1, true)
  if not at then return unit, '' end
  return string.sub(unit, 1, at - 1), string.sub(unit, at + 1)
end

-- A zone's list has a name that senders of the first release do not know: one of them would take its unit for a run that
-- has no end, and expire its jobs.
local function list_of(unit)
  return (string.find(unit, '\0', 1, true) and 'hours:' or 'jobs:') .. unit
end

-- Records of few have a seventh element, the zone, behind the eight bytes of the person (schema/job.py). Redis's MessagePack
-- does not know binary values: both are found from the record's end. Returns where the zone begins, nil: there is none.
local LONGEST_ZONE = 64
local function zone_begins(record)
  if string.byte(record, 17) ~= 0x97 then return nil end
  for length = 1, LONGEST_ZONE do
    local head = length < 32 and string.char(0xA0 + length) or string.char(0xD9, length)
    local before = #record - length - #head
    if string.sub(record, before + 1, before + #head) == head and string.sub(record, before - 9, before - 8) == '\196\8' then
      return before + #head + 1, before
    end
  end
end

local function unit_of(run, record)
  local begins = zone_begins(record)
  return begins and run .. '\0' .. string.sub(record, begins) or run
end

local function units_of(run)
  local units = {run}
  for _, zone in ipairs(redis.call('SMEMBERS', P .. 'zones:' .. run)) do units[#units + 1] = run .. '\0' .. zone end
  return units
end

-- Put a record into the list of its unit, and return that: at the front (LPUSH), or at the end (RPUSH). Records with an
-- eighth element will surely not be sent: they stand aside, to be drained, and there is nothing to return.
local function queue_record(push, run, record)
  if string.byte(record, 17) == 0x98 then
    redis.call('RPUSH', P .. 'aside:' .. run, record)
    redis.call('SADD', P .. 'asides', run)
    return nil
  end
  local unit = unit_of(run, record)
  if unit ~= run then
    local _, zone = run_of(unit)
    redis.call('SADD', P .. 'zones:' .. run, zone)
    redis.call('SADD', P .. 'zoned', run)
  end
  redis.call(push, P .. list_of(unit), record)
  return unit
end

local function delete_units(run)
  for _, unit in ipairs(units_of(run)) do
    redis.call('DEL', P .. list_of(unit))
    redis.call('ZREM', P .. 'parked', unit)
  end
  redis.call('DEL', P .. 'zones:' .. run)
  redis.call('SREM', P .. 'zoned', run)
end
