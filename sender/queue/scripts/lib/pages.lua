-- uses: base, lanes
-- What follows for a page's lanes when something changes for the page. After a pause, and after a breaker's cool-down, one
-- message goes first and tells whether the page works again: `probe` is due, and then out.

local BY_HAND_MS = 9999999999999 -- until a person says otherwise: no answer and no token ends or shortens it
local PROBE_MS = 30000 -- how long the others wait for the answer to a probe

-- A page's pause or breaker has changed: its parked lanes are looked at again.
local function wake_page(page)
  for _, content in ipairs({'text', 'media'}) do
    local lane = page .. '/' .. content
    if redis.call('ZREM', P .. 'waiting', lane) == 1 then activate_lane(lane) end
  end
end

-- The probe brought no answer that says anything: the next one goes in `ms`.
local function probe_later(scope, ms)
  local key = scope == 'app' and P .. 'app' or P .. 'page:' .. scope
  local at_ms = int(math.floor(now_us() / 1000) + ms) -- rounded up, a claim that follows at once would come too early
  local f = redis.call('HMGET', key, 'probe', 'breaker', 'paused_until_ms')
  if f[1] == 'out' and tonumber(f[3] or 0) < BY_HAND_MS then
    redis.call('HSET', key, 'probe', 'due', 'paused_until_ms', at_ms)
  end
  if f[2] == 'half_open' then redis.call('HSET', key, 'retry_at_ms', at_ms) end
  if scope ~= 'app' and (f[1] == 'out' or f[2] == 'half_open') then wake_page(scope) end
end

-- Jobs of these pages (keys) ended or came back without a question to the Graph API: perhaps one was its page's probe, or
-- the app's. Then the next one may go at once.
local function probe_again(pages)
  for page in pairs(pages) do
    probe_later(page, 0)
    probe_later('app', 0)
  end
end
