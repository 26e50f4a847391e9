-- Stores an entry, unless a writer has forgotten the key since the loader looked at its generation.
--
-- KEYS[1]  the key, a hash of its generation and its entries
-- ARGV     the generation the loader saw ('' for none), the entry's field, the entry, ms to keep the key
-- Returns  1 if it was stored

if (redis.call('HGET', KEYS[1], 'generation') or '') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
