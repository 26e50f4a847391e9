-- Appends keys to the change log. A log that is too long or corrupt starts over under a new epoch.
--
-- KEYS[1]  the log, a hash of: epoch (any text), number (of the last change); and per key the number of its last change
-- ARGV     the name of a new epoch if one must begin, ms to keep the log, most keys in it, the changed keys…

if redis.call('TYPE', KEYS[1]).ok ~= 'hash' or redis.call('HLEN', KEYS[1]) > tonumber(ARGV[3])
  or not string.match(redis.call('HGET', KEYS[1], 'number') or '0', '^%d+$') then
  redis.call('DEL', KEYS[1])
end
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
local number = redis.call('HINCRBY', KEYS[1], 'number', 1)
for index = 4, #ARGV do
  redis.call('HSET', KEYS[1], ARGV[index], number)
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
