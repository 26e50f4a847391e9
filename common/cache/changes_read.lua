-- Reads the change log; starts it under a new epoch if it is missing or corrupt.
--
-- KEYS[1]  the log (see changes_add.lua)
-- ARGV     the name of a new epoch if one must begin, ms to keep the log, the number of the last known change
-- Returns  {epoch, number of the last change, the keys that have changed since the known one…}

local key, known = KEYS[1], tonumber(ARGV[3])
local log = redis.call('TYPE', key).ok == 'hash' and redis.call('HGETALL', key) or {}
local epoch, last, changed = nil, nil, {}
for index = 1, #log, 2 do
  local name, text = log[index], log[index + 1]
  local number = tonumber(string.match(text, '^%d+$'))
  if name == 'epoch' then
    epoch = text
  elseif not number then
    epoch = nil
    break
  elseif name == 'number' then
    last = number
  elseif number > known then
    table.insert(changed, name)
  end
end
if epoch and last then
  -- Changes no data, but fails on a server that refuses writes.
  redis.call('HSETNX', key, 'epoch', epoch)
else
  epoch, last, changed = ARGV[1], 0, {}
  redis.call('DEL', key)
  redis.call('HSET', key, 'epoch', epoch, 'number', last)
end
redis.call('PEXPIRE', key, ARGV[2])
return {epoch, last, unpack(changed)}
