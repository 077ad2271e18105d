-- What cannot be undone does not follow Redis's clock alone: the caller's has to agree, give or take five minutes.

local TOLERANCE_MS = 300000
local SECOND_OPINION_MS = 5000 -- how long a run waits for one, out of its lane

local function both_past(moment_ms, now_ms, wall_ms)
  return moment_ms <= now_ms and moment_ms <= wall_ms + TOLERANCE_MS
end
