-- Drops a key's entries and gives it a new generation, so that a loader which read the old state cannot store it.
--
-- KEYS[1]  the key, a hash of its generation and its entries
-- ARGV     the new generation, ms to keep it (longer than any load takes)

redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'generation', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
