-- The beginning of every act on the ledger: is it the one it was? If not, a new epoch begins here.
--
-- KEYS  1 what is known of the ledger (a hash)   2 its log (a stream)   3 its slots (a string)
-- ARGV  1 the furthest position that the caller has seen   2 a random number, in case an epoch begins
--
-- Numbers are below 2^53, as Lua's are doubles. '%.0f' writes all their digits.

local SLOTS = 65536
local meta, log, slots = KEYS[1], KEYS[2], KEYS[3]

local function digits(number)
  return string.format('%.0f', number)
end

local function word(number)
  return struct.pack('<I8', number)
end

-- Scripts of Redis 6 are not stopped by min-replicas-to-write, so they look for themselves.
local info = redis.call('INFO', 'replication')
if string.find(info, 'role:slave', 1, true) then
  return redis.error_reply('READONLY the ledger is kept by the primary alone')
end
if string.find(info, 'min_slaves_good_slaves:0\r', 1, true) then
  return redis.error_reply('NOREPLICAS no replica follows this primary closely enough')
end

-- The id of the server's history: another one after a restart, after a promotion, and on another node.
local history = string.match(info, 'master_replid:(%x+)')
if not history then
  return redis.error_reply('UNSUPPORTED this server does not tell its master_replid')
end

local kept = redis.pcall('HMGET', meta, 'history', 'epoch', 'at', 'floor')
local foreign = kept.err ~= nil
if foreign then kept = {} end
local epoch, at, floor = kept[2], tonumber(kept[3] or 0), tonumber(kept[4] or 0)
local known = tonumber(ARGV[1])
if known >= 9007199254740992 then  -- 2^53: a new life above it could never be numbered
  return redis.error_reply('UNSUPPORTED no ledger gives out numbers that high')
end

-- An evicted or foreign key, a foreign history, or one that is shorter than what somebody has seen.
if foreign or kept[1] ~= history or not epoch or at < known
  or redis.pcall('STRLEN', slots) ~= SLOTS * 8 or not ((tonumber(redis.pcall('XLEN', log)) or 0) > 0) then
  local time = redis.call('TIME')
  local newest = redis.pcall('XREVRANGE', log, '+', '-', 'COUNT', 1)
  local last = newest[1] and tonumber(string.match(newest[1][1], '^%d+')) or 0
  at = math.max(at, known, last, time[1] * 1000000 + time[2]) + 1
  epoch, floor = ARGV[2], at
  -- The first write is one that a full server refuses: then nothing has changed.
  redis.call('SET', slots, string.rep(word(at), SLOTS))
  redis.call('UNLINK', log)
  redis.call('XADD', log, digits(at) .. '-0', 'r', '\0')
  if foreign then redis.call('UNLINK', meta) end
  -- Standing intents stay: their transactions may still commit.
  redis.call('HSET', meta, 'history', history, 'epoch', epoch, 'at', digits(at), 'floor', digits(at))
end
