-- Where the log stands, said by a server that may write.
--
-- Deleting what isn't there asks for all that a write needs, changes nothing, and is not replicated.

redis.call('HDEL', meta, '-')
return {epoch, digits(at)}
