-- uses: base
-- A unit takes turns in a lane: a run, or those of its recipients that have a time zone of their own, `R\0ZONE`.
-- Each has a list of waiting jobs, `jobs:UNIT`.

local function run_of(unit)
  local at = string.find(unit, '\0', 1, true)
  if not at then return unit, '' end
  return string.sub(unit, 1, at - 1), string.sub(unit, at + 1)
end

-- Records of few have a seventh element, the zone (schema/job.py): only those have to be decoded.
local function unit_of(run, record)
  if string.byte(record, 17) ~= 0x97 then return run end
  local readable, job = pcall(cmsgpack.unpack, string.sub(record, 17))
  local zone = readable and job[7]
  if type(zone) ~= 'string' or zone == '' then return run end
  return run .. '\0' .. zone
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
  end
  redis.call(push, P .. 'jobs:' .. unit, record)
  return unit
end

local function delete_units(run)
  for _, unit in ipairs(units_of(run)) do
    redis.call('DEL', P .. 'jobs:' .. unit)
    redis.call('ZREM', P .. 'parked', unit)
  end
  redis.call('DEL', P .. 'zones:' .. run)
end
