#!lua flags=no-writes
-- uses: base
-- ARGV: commands with their arguments, as `hget k f`; `k` becomes a key that does not exist. Returns the names of those that our
-- login may not run. Nothing is written: in a script without writes the server refuses those, after it has looked at the rights.
local REFUSALS = {'no permissions to', "can't run this command", "can't access at least one", 'unknown command'}
local missing = {}

local function refused(answer)
  if type(answer) ~= 'table' or not answer.err then return false end
  for _, words in ipairs(REFUSALS) do
    if string.find(string.lower(answer.err), words, 1, true) then return true end
  end
  return false
end

for _, trial in ipairs(ARGV) do
  local words = {}
  for word in string.gmatch(trial, '%S+') do words[#words + 1] = word == 'k' and P .. 'nothing' or word end
  if refused(redis.pcall(unpack(words))) then missing[#missing + 1] = words[1] end
end
return missing
