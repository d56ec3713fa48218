-- Take over a value that another library has stored: from its key to ours, in one step.
--
-- KEYS  1 theirs   2 ours
-- ARGV  1 what was read of theirs   2 what is put in its place   3 milliseconds to live, 0: no limit

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
if ARGV[3] == '0' then
  redis.call('SET', KEYS[2], ARGV[2])
else
  redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
end
redis.call('UNLINK', KEYS[1])
return 1
