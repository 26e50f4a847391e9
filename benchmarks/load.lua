-- Requests for wrk with ids that are never sent twice, and wrk's result as one line of JSON.
--
--   wrk … --script load.lua URL -- KIND EVENTS SEED POPUP_ID…
--
-- KIND    get (the URL as it is), views (EVENTS to a request), clicks or emails (conversions, one to a request)
-- SEED    a number that no other run has
-- Every event has a visitor of its own, which is the dearest case: each is a unique viewer to store.

local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds; long microseconds; } instant; int gettimeofday(instant *, void *);")

local now = ffi.new("instant")
local random, format = math.random, string.format

local function uuid7()
  ffi.C.gettimeofday(now, nil)
  local time = format("%012x", tonumber(now.seconds) * 1000 + math.floor(tonumber(now.microseconds) / 1000))
  return format("%s-%s-7%03x-%04x-%04x%08x", time:sub(1, 8), time:sub(9), random(0, 0xfff), random(0x8000, 0xbfff),
    random(0, 0xffff), random(0, 0xffffffff))
end

local function event(popup_ids, more)
  return format('{"event_id":"%s","popup_id":"%s","session_id":"s-%x","visitor_id":"v-%08x%08x",'
    .. '"device_type":"desktop","page_url":"https://shop.example/products/%d"%s}', uuid7(),
    popup_ids[random(#popup_ids)], random(0, 0xffffffff), random(0, 0xffffffff), random(0, 0xffffffff),
    random(1000), more)
end

local function body_of(kind, events, popup_ids)
  if kind == "clicks" then return event(popup_ids, ',"type":"click"') end
  if kind == "emails" then
    return event(popup_ids, format(',"type":"email_capture","email":"%08x%08x@shopper.example"',
      random(0, 0xffffffff), random(0, 0xffffffff)))
  end
  if events == 1 then return event(popup_ids, "") end
  local list = {}
  for index = 1, events do list[index] = event(popup_ids, "") end
  return '{"events":[' .. table.concat(list, ",") .. "]}"
end

function init(args)
  local kind, events = args[1], tonumber(args[2])
  math.randomseed(tonumber(args[3]))
  local popup_ids = {}
  for index = 4, #args do popup_ids[#popup_ids + 1] = args[index] end
  if kind == "get" then return end
  local headers = {["Content-Type"] = "text/plain"}
  function request()
    return wrk.format("POST", nil, headers, body_of(kind, events, popup_ids))
  end
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(format('\n{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"errors":%d}\n', summary.requests,
    summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
