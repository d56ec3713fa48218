-- Everything that a new follower has to know.
--
-- Returns the epoch, the position, the floor, the slots, and number and record of each standing intent.

local intents = {}
local fields = redis.call('HGETALL', meta)
for index = 1, #fields, 2 do
  local number = string.match(fields[index], '^i(%d+)$')
  if number then
    intents[#intents + 1] = number
    intents[#intents + 1] = string.sub(fields[index + 1], 9)
  end
end
return {epoch, digits(at), digits(floor), redis.call('GETRANGE', slots, 0, -1), intents}
