--[[ common: what every script begins with; the loader puts this text in front of each of them.
  A record that waits is one field of the hash `records`:  <version> <queued ms> <lane> <payload>
    version  whole number up to 2^53; the larger is the newer
    queued   when it began to wait, ms since 1970 by the server's clock
    lane     l = live, r = replay ]]
local RUNNING = 'RUNNING'
-- The client sends an act once more where a connection broke off before the answer: it is answered as the first time, for
-- so long. Seconds.
local ANSWER_KEPT = 600

-- Time is an argument in tests; in production it is empty and the server's own clock counts.
local function clock(argument)
  if argument ~= '' then return tonumber(argument) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- An entry of the ledger whose record is present, without what was confirmed of its values, so that its next version is
-- written whatever it is. As `Entry` is packed: the standing, the version, the time, the fingerprint, of which the first
-- 8 bytes are the values'.
local function disbelieved(entry) return string.sub(entry, 1, 13) .. string.rep('\0', 8) .. string.sub(entry, 22) end

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

local function append_all(records, ready, replay, ids)
  for i, record in ipairs(redis.call('HMGET', records, unpack(ids))) do
    local _, queued, lane = head_of(record)
    append(ready, replay, ids[i], queued, lane)
  end
end

--[[ A parked record stands in no lane; who ends the parking puts it into its own. A parent is told as "<stream> <id>".
    parked     id -> since when                        by_parent  "<parent>" NUL "<id>", in order: a parent's children
    awaits     id -> "<began to wait, ms> <parent>"    awaited    the parent's stream's: id -> children's streams
    released   the workflow's: "<children's stream> <parent>" of parents that came; `lease` takes the children back ]]
local function park(parked, awaits, by_parent, tried, ids, parents, now)
  local since, told, children = {}, {}, {}
  for i, began in ipairs(redis.call('ZMSCORE', tried, unpack(ids))) do
    since[2 * i - 1], since[2 * i] = string.format('%.0f', now), ids[i]
    told[2 * i - 1], told[2 * i] = ids[i], string.format('%.0f ', began) .. parents[i]
    children[2 * i - 1], children[2 * i] = '0', parents[i] .. '\0' .. ids[i]
  end
  redis.call('ZADD', parked, unpack(since))
  redis.call('HSET', awaits, unpack(told))
  redis.call('ZADD', by_parent, unpack(children))
  redis.call('ZREM', tried, unpack(ids))
end

local function end_parking(parked, awaits, by_parent, tried, ids)
  local parents, children, begun = {}, {}, {}
  for i, told in ipairs(redis.call('HMGET', awaits, unpack(ids))) do
    begun[2 * i - 1], parents[i] = string.match(told, '^(%d+) (.*)$')
    begun[2 * i], children[i] = ids[i], parents[i] .. '\0' .. ids[i]
  end
  redis.call('ZREM', parked, unpack(ids))
  redis.call('HDEL', awaits, unpack(ids))
  redis.call('ZREM', by_parent, unpack(children))
  redis.call('ZADD', tried, unpack(begun))
  return parents
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

-- The record of a dead letter: "<set aside, ms> <attempts> <length of the reason> <reason><record>"
local function buried(letter)
  local length, start = string.match(letter, '^%d+ %d+ (%d+) ()')
  return string.sub(letter, start + length)
end

-- A contact's memory stands behind the place of its last closed decision: <length of the place: 0 or 10> <place> <memory>
local function remembered(value)
  if not value then return '\0', nil end
  local length = string.byte(value) + 1
  return string.sub(value, 1, length), string.sub(value, length + 1)
end

-- Puts a closed decision behind all others, even if the clock was set back; answers the place in front of the memory.
local function enter(decisions, tallies, now, place, closing, decided)
  local last = redis.call('HMGET', tallies, 'last_ms', 'last_number')
  local last_ms, last_number = tonumber(last[1] or 0), tonumber(last[2] or 0)
  if now > last_ms then last_ms, last_number = now, 0 else last_number = last_number + 1 end
  local before = #place > 1 and string.sub(place, 2) or string.rep('\0', 10)
  redis.call('XADD', decisions, string.format('%.0f-%.0f', last_ms, last_number), 'd', closing .. before .. decided)
  redis.call('HSET', tallies, 'last_ms', string.format('%.0f', last_ms), 'last_number', last_number)
  return '\10' .. struct.pack('>I2I4I4', math.floor(last_ms / 2^32), last_ms % 2^32, last_number)
end
