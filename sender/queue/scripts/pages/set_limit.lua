#!lua flags=allow-oom
-- uses: base, pages, audit
-- ARGV: pages (MessagePack), messages a second ('': none any more), for how long in ms ('': until it is changed), who, detail:
-- what the audit trail says besides. A limit that a person sets counts instead of the source's and the default. Returns
-- those of the pages that are unknown.
local limit, for_ms, who, detail = unpack(ARGV, 2)
local until_ms = for_ms == '' and BY_HAND_MS or now_us() / 1000 + for_ms
local told = limit == '' and 'default' or limit .. '/s' .. (for_ms == '' and '' or ' for ' .. int(for_ms / 1000) .. ' s')
if detail ~= '' then told = told .. ', ' .. detail end

local function set(page)
  local key = P .. 'page:' .. page
  if limit ~= '' then
    redis.call('HSET', key, 'set_limit', limit, 'set_limit_until_ms', int(until_ms), 'slowed', '1')
    audit(who, 'limits set', page, told)
  elseif redis.call('HDEL', key, 'set_limit', 'set_limit_until_ms') > 0 then
    audit(who, 'limits set', page, told)
  end
  wake_page(page) -- its lanes may wait for the former limit
end

local unknown = {}
for _, page in ipairs(cmsgpack.unpack(ARGV[1])) do
  if redis.call('SISMEMBER', P .. 'pages', page) == 1 then set(page) else unknown[#unknown + 1] = page end
end
return unknown
