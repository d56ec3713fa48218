-- Write one record, and what follows from it.
--
-- ARGV  3 the record: kind (1 byte), intent (8), owner (8), tags (8 each, the lowest byte first)
--       4 how many numbers it takes   5 of an intent: 8 random bytes; of its end: its number
--       6 how many numbers the log keeps   7 how many intents may stand
--
-- Returns the epoch, the position, and the record's first number.

local MARK, INTENT, SETTLE, EVERYTHING = 1, 2, 3, 4
local HEAD, PART = 17, 1024
local record, count, name = ARGV[3], tonumber(ARGV[4]), ARGV[5]
local what = string.byte(record, 1)

if what == INTENT then
  local number = redis.call('HGET', meta, 't' .. name)
  if number then  -- asked again, since the answer was lost
    return {epoch, digits(at), number}
  end
  if (redis.call('HLEN', meta) - 4) / 2 >= tonumber(ARGV[7]) then
    return redis.error_reply('FULL too many intents stand')
  end
end

local first = at + 1
at = at + count
-- The first write is one that a full server refuses: then nothing has changed.
redis.call('XADD', log, digits(at) .. '-0', 'r', record)

if what == MARK or what == SETTLE then
  local number = first
  for index = HEAD + 1, #record, 8 do
    local low, high = string.byte(record, index, index + 1)
    redis.call('SETRANGE', slots, (low + 256 * high) * 8, word(number))
    number = number + 1
  end
end
if what == INTENT then
  redis.call('HSET', meta, 'at', digits(at), 'i' .. digits(at), name .. record, 't' .. name, digits(at))
elseif what == EVERYTHING then
  redis.call('HSET', meta, 'at', digits(at), 'floor', digits(at))
else
  redis.call('HSET', meta, 'at', digits(at))
end
if what == SETTLE then
  local standing = redis.call('HGET', meta, 'i' .. name)
  if standing then
    redis.call('HDEL', meta, 'i' .. name, 't' .. string.sub(standing, 1, 8))
  end
end

if math.floor(first / PART) ~= math.floor((at + 1) / PART) then
  local oldest = digits(math.max(at - tonumber(ARGV[6]), 0))
  local trimmed = redis.pcall('XTRIM', log, 'MINID', '~', oldest)
  if type(trimmed) == 'table' and trimmed.err then  -- before Redis 6.2; a record takes one number or more
    redis.call('XTRIM', log, 'MAXLEN', '~', ARGV[6])
  end
end
return {epoch, digits(at), digits(first)}
