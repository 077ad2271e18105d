-- What every script may need: the prefix of all keys (schema/keys.py explains them), Redis's time, and whole numbers as text.
local P = 'newar:{s0}:'

local function now_us()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

local function int(n)
  return string.format('%.0f', n)
end

-- A whole number as a value of a command: Redis writes out Lua's numbers itself, twenty times faster. In text (`..`) and
-- answers they would lose digits: there int() is needed.
local function whole(n)
  return math.floor(n + 0.5)
end
