-- Adds hits to a client's sliding window, estimated from two counters: the running window's, and the share of the
-- previous window that still lies inside the last window_ms.
--
-- KEYS[1]  rate-limit:NAME:CLIENT, a hash of: start (Unix ms of the running window), current, previous
-- ARGV     quota, window_ms, hits that have passed already and must be counted
-- Returns  {1 if one more hit passes (then it is counted too), ms since the window's start, current, previous}

local quota, window, passed = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function whole(text)  -- nil for a value that this script did not write
  return text and #text < 16 and tonumber(string.match(text, '^%d+$')) or nil
end

if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then
  redis.call('DEL', KEYS[1])
end
local stored = redis.call('HMGET', KEYS[1], 'start', 'current', 'previous')
local start, current, previous = whole(stored[1]) or now, whole(stored[2]) or 0, whole(stored[3]) or 0

if start > now then  -- the server's clock was set back
  start = now
end
local windows = math.floor((now - start) / window)
if windows >= 1 then
  previous = windows == 1 and current or 0
  current = 0
  start = start + windows * window
end

current = current + passed
local used = current + math.floor(previous * (start + window - now) / window)
local passes = used + 1 <= quota and 1 or 0
current = current + passes

redis.call('HSET', KEYS[1], 'start', start, 'current', current, 'previous', previous)
redis.call('PEXPIRE', KEYS[1], 2 * window)
return {passes, now - start, current, previous}
