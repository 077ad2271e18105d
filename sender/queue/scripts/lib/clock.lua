-- uses: base
-- Redis's clock was set back: what waits for a moment of the former time would wait for that much longer.

local function follow_clock(back_us)
  for name, unit in pairs({sessions = 1, waiting = 1, delayed = 1000}) do
    for _, member in ipairs(redis.call('ZRANGE', P .. name, 0, -1)) do
      redis.call('ZINCRBY', P .. name, int(-back_us / unit), member)
    end
  end
  local function shift(key, field, by)
    if redis.call('HEXISTS', P .. key, field) == 1 then redis.call('HINCRBY', P .. key, field, int(by)) end
  end
  shift('app', 'tat_us', -back_us)
  shift('app', 'paused_until_ms', -back_us / 1000)
  shift('app', 'no_takeover_until_us', -back_us)
  for _, page in ipairs(redis.call('SMEMBERS', P .. 'pages')) do
    for _, name in ipairs({'/text:gcra', '/media:gcra', '/text:pace', '/media:pace'}) do -- pace: see gcra.lua
      shift('lane:' .. page .. name, 'tat_us', -back_us)
    end
    shift('page:' .. page, 'paused_until_ms', -back_us / 1000)
    shift('page:' .. page, 'retry_at_ms', -back_us / 1000)
  end
end
