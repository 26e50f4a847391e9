-- Proves that the server takes writes.
--
-- KEYS[1]  any key of that server
-- ARGV     ms to keep it

redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
