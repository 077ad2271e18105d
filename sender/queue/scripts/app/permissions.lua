#!lua flags=no-writes
-- uses: base
-- ARGV: the ACL rule for our keys, then commands with their arguments, as `hget k f`; `k` becomes a key that does not exist.
-- Returns the ACL rules that our login lacks. Nothing is written: in a script without writes the server refuses those, after it
-- has looked at the rights.
local COMMAND = {'no permissions to run', "can't run this command", 'unknown command'}
local KEY = {'no permissions to access', "can't access at least one"}
local missing, no_keys = {}, false

local function says(answer, any_of)
  for _, words in ipairs(any_of) do
    if string.find(string.lower(answer.err), words, 1, true) then return true end
  end
  return false
end

for i = 2, #ARGV do
  local words = {}
  for word in string.gmatch(ARGV[i], '%S+') do words[#words + 1] = word == 'k' and P .. 'nothing' or word end
  local answer = redis.pcall(unpack(words))
  if type(answer) == 'table' and answer.err then
    if says(answer, COMMAND) then missing[#missing + 1] = '+' .. words[1] end
    no_keys = no_keys or says(answer, KEY)
  end
end
if no_keys then missing[#missing + 1] = ARGV[1] end
return missing
