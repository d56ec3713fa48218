-- Make a lease last, if it still is its holder's.
--
-- KEYS  1 the lease
-- ARGV  1 whose it is   2 milliseconds that it lasts from now on

if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 0
