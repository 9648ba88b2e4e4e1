--[[ common: what every script begins with; the loader puts this text in front of each of them.
  A record that waits is one field of the hash `records`:  <version> <queued ms> <lane> <payload>
    version  whole number up to 2^53; the larger is the newer
    queued   when it began to wait, ms since 1970 by the server's clock
    lane     l = live, r = replay ]]
local RUNNING = 'RUNNING'

-- Time is an argument in tests; in production it is empty and the server's own clock counts.
local function clock(argument)
  if argument ~= '' then return tonumber(argument) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function head_of(record)
  local version, queued, lane, start = string.match(record, '^(%d+) (%d+) ([lr]) ()')
  return tonumber(version), tonumber(queued), lane, start
end

local function record_of(version, queued, lane, payload)
  return string.format('%.0f %.0f %s ', version, queued, lane) .. payload
end

-- A waiting record stands in exactly one place; these two put it into its lane, at the end or back where it came from.
local function append(ready, replay, id, queued, lane)
  if lane == 'l' then redis.call('RPUSH', ready, id) else redis.call('ZADD', replay, queued, id) end
end

local function give_back(ready, replay, id, queued, lane)
  if lane == 'l' then redis.call('LPUSH', ready, id) else redis.call('ZADD', replay, queued, id) end
end

-- attempts: "<attempts that counted> <holders that died>"
local function attempts_of(text)
  if not text then return 0, 0 end
  local tried, died = string.match(text, '^(%d+) (%d+)$')
  return tonumber(tried), tonumber(died)
end

-- pulse: counts per ten seconds, the source of rates and of the chart of the last hour
local function pulse(key, now, what, count)
  if count > 0 then redis.call('HINCRBY', key, string.format('%.0f:%s', math.floor(now / 10000), what), count) end
end

local function count(counters, pulses, now, what, many)
  if many > 0 then
    redis.call('HINCRBY', counters, what, many)
    pulse(pulses, now, what, many)
  end
end

local function bury(dead, id, record, now, attempts, reason)
  redis.call('HSET', dead, id, string.format('%.0f %d %d ', now, attempts, #reason) .. reason .. record)
end
