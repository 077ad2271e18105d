-- uses: base, packed, units, lanes, pages
-- Jobs that leave a session unsettled.

-- Unmarked jobs go back to the front of their lists; marked ones may have left: they are returned, still held by `heir`.
local function requeue(holder, heir, ids, tagged_by_id)
  local units, pages, marked = {}, {}, {}
  for _, id in ipairs(ids) do
    local tagged = tagged_by_id[id]
    local mark = redis.call('HGET', P .. 'marks:' .. holder, id)
    if tagged and mark then
      local run, record = split(tagged)
      local attempt, sent_at = split(mark)
      if heir ~= holder then
        redis.call('HSET', P .. 'held:' .. heir, id, tagged)
        redis.call('HSET', P .. 'marks:' .. heir, id, mark)
      end
      marked[#marked + 1] = {run, record, attempt, sent_at}
    elseif tagged then
      local run, record = split(tagged)
      local unit = queue_record('LPUSH', run, record)
      if unit then units[unit] = true end
      redis.call('HDEL', P .. 'held:' .. holder, id)
    end
  end
  for unit in pairs(units) do
    activate_unit(unit)
    pages[redis.call('HGET', P .. 'run:' .. run_of(unit), 'page') or ''] = true
  end
  probe_again(pages)
  return marked
end
