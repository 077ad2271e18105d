#!lua flags=allow-oom
-- uses: base, pages, audit
-- ARGV: pages (MessagePack; `app` is everything), who, detail: what the audit trail says besides. Ends what answers have led
-- to: pace, ceiling and pause; what was remembered of them is forgotten. What a person has set, and the breaker, stay.
-- Returns of each page what was lifted, of pace, hold, ceiling, pause; or nil: it is unknown.
local who, detail = unpack(ARGV, 2)
local now = now_us()

local function reset(page)
  local app = page == 'app'
  local key, lifted = app and P .. 'app' or P .. 'page:' .. page, {}
  local f = redis.call('HMGET', key, 'pace', 'pace_rate', 'hold_until_us', 'ceiling', 'ceiling_until_us', 'paused_until_ms', 'probe', 'set_limit')
  local paused_ms = tonumber(f[6] or 0)
  if f[1] or f[2] then lifted[#lifted + 1] = 'pace' end
  if (f[1] or f[2]) and tonumber(f[3] or 0) > now then lifted[#lifted + 1] = 'hold' end
  if f[4] and tonumber(f[5] or 0) > now then lifted[#lifted + 1] = 'ceiling' end
  redis.call('HDEL', key, 'pace', 'pace_rate', 'pace_rule', 'climbed_us', 'hold_until_us', 'cut_factor', 'cut_share', 'vain_share',
    'vain_until_us', 'ceiling', 'ceiling_base', 'ceiling_until_us', 'ceiling_rule', 'answers')
  if not f[8] then redis.call('HDEL', key, 'slowed') end
  if paused_ms < BY_HAND_MS and (f[7] or paused_ms * 1000 > now) then
    lifted[#lifted + 1] = 'pause'
    redis.call('HDEL', key, 'paused_until_ms', 'pause_reason', 'pause_rule', 'pause_level', 'probe')
  end
  if #lifted > 0 then
    redis.call('HSET', key, 'cut_us', int(now)) -- answers to what left before must not bring it back
    audit(who, 'limits reset', page, table.concat(lifted, ', ') .. (detail == '' and '' or '; ' .. detail))
  end
  if not app then wake_page(page) end
  return lifted
end

local answer = {}
for i, page in ipairs(cmsgpack.unpack(ARGV[1])) do
  local known = page == 'app' or redis.call('SISMEMBER', P .. 'pages', page) == 1
  answer[i] = known and reset(page)
end
return answer
