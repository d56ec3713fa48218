-- End a lease, if it still is its holder's, and tell those who wait for it.
--
-- KEYS  1 the lease
-- ARGV  1 whose it is   2 the channel on which they listen

if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('UNLINK', KEYS[1])
  redis.call('PUBLISH', ARGV[2], '')
  return 1
end
return 0
