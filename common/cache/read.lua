-- Reads an entry; if it is missing or no longer fresh, one caller at a time gets the lease to load it.
--
-- KEYS[1]  the key, a hash of: generation, forgotten_at (Unix ms); and for each entry its name (the entry itself),
--          name:stored_at, name:fresh_until and name:leased_until (Unix ms). A key of another form is dropped.
-- ARGV     the entry's name, ms that a lease lasts, ms within which an entry must have been stored to count as fresh
-- Returns  {generation or '', entry or '', ms it is still fresh, 1 if the caller holds the lease,
--          ms since the key was forgotten or -1}

local key, name, lease = KEYS[1], ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function whole(text)  -- nil for a value that none of these scripts wrote
  return text and #text < 16 and tonumber(string.match(text, '^%d+$')) or nil
end

if redis.call('TYPE', key).ok ~= 'hash' then
  redis.call('DEL', key)
end
local found = redis.call('HMGET', key, 'generation', 'forgotten_at',
  name, name .. ':fresh_until', name .. ':leased_until', name .. ':stored_at')
if found[1] and not string.match(found[1], '^%x+$') then
  redis.call('DEL', key)
  found = {}
end
local forgotten_at = whole(found[2])
local fresh, age = (whole(found[4]) or 0) - now, now - (whole(found[6]) or 0)
if age > tonumber(ARGV[3]) or age < 0 or not found[3] then  -- below 0: the server's clock was set back
  fresh = math.min(fresh, 0)
end
local leased = 0
local leased_until = whole(found[5]) or 0
if fresh > 0 then
  -- Changes no data, but fails on a server that refuses writes, from which no old entry could be dropped.
  redis.call('HSETNX', key, name, '')
elseif leased_until < now or leased_until > now + lease then
  leased = 1
  redis.call('HSET', key, name .. ':leased_until', now + lease)
  if redis.call('PTTL', key) < lease then
    redis.call('PEXPIRE', key, lease)
  end
end
return {found[1] or '', found[3] or '', fresh, leased, forgotten_at and math.max(0, now - forgotten_at) or -1}
