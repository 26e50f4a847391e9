-- Drops a key's entries and gives it a new generation, so that a load of the old state can no longer be stored.
--
-- KEYS[1]  the key (see read.lua)
-- ARGV     the new generation, ms to remember it (longer than any load takes)

local time = redis.call('TIME')
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'forgotten_at', time[1] * 1000 + math.floor(time[2] / 1000))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
