-- Reads the log of changes, which begins with the first who asks for it.
--
-- KEYS[1]  the log (see change_log_add.lua)
-- ARGV     the name of the epoch should a new one begin, ms to keep the log, the number of the last change that is known
-- Returns  {epoch, number of the last change, the keys that have changed since the known one…}

redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
redis.call('HSETNX', KEYS[1], 'number', 0)
redis.call('PEXPIRE', KEYS[1], ARGV[2])

local log = redis.call('HGETALL', KEYS[1])
local epoch, last, changed, known = '', 0, {}, tonumber(ARGV[3])
for index = 1, #log, 2 do
  local name, number = log[index], log[index + 1]
  if name == 'epoch' then
    epoch = number
  elseif name == 'number' then
    last = tonumber(number)
  elseif tonumber(number) > known then
    table.insert(changed, name)
  end
end
return {epoch, last, unpack(changed)}
