-- Counts a request against a sliding window, estimated from two counters: the running window's, and the part of the
-- window before that still lies inside the last window_ms.
--
-- KEYS[1]  rate-limit:NAME:CLIENT, a hash of: start (Unix ms of the running window), current, previous
-- ARGV     quota, window_ms
-- Returns  {1 if the request passes, requests left, ms until the window starts anew, ms until one more may pass}

local quota, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local stored = redis.call('HMGET', KEYS[1], 'start', 'current', 'previous')
local start, current, previous = tonumber(stored[1]) or now, tonumber(stored[2]) or 0, tonumber(stored[3]) or 0

local windows_passed = math.floor((now - start) / window)
if windows_passed >= 1 then
  previous = windows_passed == 1 and current or 0
  current = 0
  start = start + windows_passed * window
end

local reset = start + window - now
local used = previous * reset / window + current
if used + 1 > quota then
  -- What is over the quota must first slide out of the window.
  local wait = reset
  if previous > 0 and current + 1 <= quota then
    wait = (used + 1 - quota) * window / previous
  end
  return {0, 0, reset, math.ceil(wait)}
end

redis.call('HSET', KEYS[1], 'start', start, 'current', current + 1, 'previous', previous)
redis.call('PEXPIRE', KEYS[1], 2 * window)
return {1, math.floor(quota - used - 1), reset, 0}
