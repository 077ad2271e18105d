#!lua flags=no-writes
-- uses: base, lanes
-- ARGV: runs (MessagePack). Returns in MessagePack, of each that is known: {run, page, state, cursor, enqueued, {its holders},
-- hours, hours_until_ms}.
local answer = {}
for _, run in ipairs(cmsgpack.unpack(ARGV[1])) do
  local f = redis.call('HMGET', P .. 'run:' .. run, 'page', 'state', 'cursor', 'enqueued', 'hours', 'hours_until_ms',
    unpack(HOLDERS))
  if f[1] then
    local held_by = {}
    for i, holder in ipairs(HOLDERS) do
      if f[6 + i] then held_by[#held_by + 1] = string.sub(holder, #'hold:' + 1) end
    end
    answer[#answer + 1] = {run, f[1], f[2], f[3] or '', f[4] == '1', held_by, f[5] or '', tonumber(f[6] or 0)}
  end
end
return cmsgpack.pack(answer)
