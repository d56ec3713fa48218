-- What was written after a position.
--
-- ARGV  3 the position   4 how many records at most
--
-- Returns the epoch, the position, and the records as XRANGE has them.

return {epoch, digits(at), redis.call('XRANGE', log, ARGV[3] .. '-1', '+', 'COUNT', ARGV[4])}
