-- Take the lease of an entry and look at the entry.
--
-- KEYS  1 the lease   2 the entry
-- ARGV  1 whose it will be: random   2 milliseconds that it lasts
--       3 the head of the entry that the caller has seen already, or '-' when it looks for the first time
--
-- Returns 1 and the entry: it is the caller's; 0 and the milliseconds it still lasts: it is another's;
-- 2 and the entry: nobody needs it any more, since there is another entry than the caller has seen.

local HEAD = 10
local there = redis.pcall('GET', KEYS[2])
if type(there) ~= 'string' then there = false end
if ARGV[3] ~= '-' and there and string.sub(there, 1, HEAD) ~= ARGV[3] then
  return {2, there}
end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) or redis.call('GET', KEYS[1]) == ARGV[1] then
  return {1, there}
end
return {0, redis.call('PTTL', KEYS[1]), there and string.sub(there, 1, HEAD) or ''}
