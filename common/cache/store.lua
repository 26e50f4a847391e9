-- Stores an entry and ends its lease, unless the key was forgotten since the loader read its generation.
--
-- KEYS[1]  the key (see read.lua)
-- ARGV     the generation the loader read, the entry's name, the entry ('' stores none), ms it is fresh, ms it is kept,
--          the most entries under the key: beyond that, the others are dropped. A hash lives as long as its last entry,
--          so a client that keeps asking for new names (such as periods of days) would keep all of them
-- Returns  1 if it was stored

local key, generation, name, entry = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
if redis.call('TYPE', key).ok ~= 'hash' then
  redis.call('DEL', key)
end
if (redis.call('HGET', key, 'generation') or '') ~= generation then
  return 0
end
redis.call('HDEL', key, name .. ':leased_until')
if entry == '' then
  return 0
end
if redis.call('HLEN', key) >= 3 * tonumber(ARGV[6]) and redis.call('HEXISTS', key, name) == 0 then
  local known = redis.call('HMGET', key, 'generation', 'forgotten_at')
  redis.call('DEL', key)
  if known[1] and known[2] then
    redis.call('HSET', key, 'generation', known[1], 'forgotten_at', known[2])
  end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', key, name, entry, name .. ':fresh_until', now + tonumber(ARGV[4]), name .. ':stored_at', now)
if redis.call('PTTL', key) < tonumber(ARGV[5]) then
  redis.call('PEXPIRE', key, ARGV[5])
end
return 1
