-- What every script may need: the prefix of all keys (schema/keys.py explains them), Redis's time, and whole numbers as text.
local P = 'newar:{s0}:'

local function now_us()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

local function int(n)
  return string.format('%.0f', n)
end
