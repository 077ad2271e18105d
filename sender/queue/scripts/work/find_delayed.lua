#!lua flags=no-writes
-- uses: base
-- ARGV: from which place on, how many, then jobs as `run\0id` ... Looks for these among the jobs that wait for a retry, the last
-- due first: a step of a search that goes through all of them. Returns {how many there are, {record with its run, due (ms)} ...}.
local wanted, answer = {}, {redis.call('ZCARD', P .. 'delayed')}
for i = 3, #ARGV do wanted[ARGV[i]] = true end
local found = redis.call('ZRANGE', P .. 'delayed', ARGV[1], ARGV[1] + ARGV[2] - 1, 'REV', 'WITHSCORES')
for i = 1, #found, 2 do
  local at = string.find(found[i], '\0', 1, true)
  if at and wanted[string.sub(found[i], 1, at + 16)] then answer[#answer + 1] = {found[i], found[i + 1]} end
end
return answer
