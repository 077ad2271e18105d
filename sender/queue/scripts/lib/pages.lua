-- uses: base, lanes
-- What follows for a page's lanes when something changes for the page.

-- A page's pause or breaker has changed: its parked lanes are looked at again.
local function wake_page(page)
  for _, content in ipairs({'text', 'media'}) do
    local lane = page .. '/' .. content
    if redis.call('ZREM', P .. 'waiting', lane) == 1 then activate_lane(lane) end
  end
end

-- Jobs of these pages (keys) ended or came back without a question to the Graph API: perhaps one was its page's probe.
-- Then the next one may go at once.
local function probe_again(pages)
  for page in pairs(pages) do
    if redis.call('HGET', P .. 'page:' .. page, 'breaker') == 'half_open' then
      redis.call('HSET', P .. 'page:' .. page, 'retry_at_ms', '0')
      wake_page(page)
    end
  end
end
