-- Store what was loaded, unless there is something newer.
--
-- KEYS  1 the entry
-- ARGV  1 head and envelope   2 milliseconds to live, 0: no limit
--
-- A head is a mark, 8 bytes of the stamp (the highest first), and whether it was filled (0) or put (1).
-- What isn't ours is replaced.

local HEAD = 10

local function parts(head)
  return string.sub(head, 1, 1), struct.unpack('>I8', string.sub(head, 2, 9)), string.byte(head, 10)
end

local there = redis.pcall('GETRANGE', KEYS[1], 0, HEAD - 1)
if type(there) == 'string' and #there == HEAD then
  local mark, stamp, put = parts(there)
  local ours, mine = parts(string.sub(ARGV[1], 1, HEAD))
  if mark == ours and (stamp > mine or (stamp == mine and put == 1)) then
    return 0
  end
end
if ARGV[2] == '0' then
  redis.call('SET', KEYS[1], ARGV[1])
else
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
