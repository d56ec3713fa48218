-- Compare and set.
--
-- KEYS  1 the entry
-- ARGV  1 what is expected: '-' nothing, '+' the envelope that follows   2 the envelope
--       3 '-' delete it, '+' store what follows   4 head and envelope   5 milliseconds to live, 0: no limit
--       6 the mark that our values begin with

local HEAD = 10
local there = redis.pcall('GET', KEYS[1])
local ours = type(there) == 'string' and #there >= HEAD and string.sub(there, 1, 1) == ARGV[6]
if ours ~= (ARGV[1] == '+') or (ours and string.sub(there, HEAD + 1) ~= ARGV[2]) then
  return 0
end
if ARGV[3] == '-' then
  redis.call('UNLINK', KEYS[1])
elseif ARGV[5] == '0' then
  redis.call('SET', KEYS[1], ARGV[4])
else
  redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5])
end
return 1
