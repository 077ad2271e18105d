-- Several values in one text.

-- Many small arguments travel as two: their lengths (MessagePack) and all their bytes.
local function parts(lengths, bytes)
  local list, at = cmsgpack.unpack(lengths), 1
  for i, length in ipairs(list) do
    list[i] = string.sub(bytes, at, at + length - 1)
    at = at + length
  end
  return list
end

local function split(tagged)
  local at = string.find(tagged, '\0', 1, true)
  return string.sub(tagged, 1, at - 1), string.sub(tagged, at + 1)
end
