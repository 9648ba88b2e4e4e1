--[[ reap: gives back the records whose holder let its lease run out.
  Guarantees: every expired lease is ended, and its record waits again at the front of its lane; a record that has outlived
  too many holders is set aside, since it may be what kills them.
  KEYS  1 records  2 ready  3 replay  4 leases  5 owners  6 attempts  7 tried  8 dead  9 counters  10 pulse
  ARGV  1 now or ''  2 how many at most (500)  3 deaths that are too many  4 reason of the dead letter
  Output how many leases ended ]]
local records, ready, replay, leases, owners, attempts, tried, dead, counters, pulses = unpack(KEYS, 1, 10)
local now, buried = clock(ARGV[1]), 0

local expired = redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, ARGV[2])
for _, id in ipairs(expired) do
  redis.call('ZREM', leases, id)
  redis.call('HDEL', owners, id)
  local record = redis.call('HGET', records, id)
  local _, queued, lane = head_of(record)
  local tries, deaths = attempts_of(redis.call('HGET', attempts, id))
  deaths = deaths + 1
  if deaths >= tonumber(ARGV[3]) then
    bury(dead, id, record, now, tries, ARGV[4])
    redis.call('HDEL', records, id)
    redis.call('HDEL', attempts, id)
    redis.call('ZREM', tried, id)
    buried = buried + 1
  else
    redis.call('HSET', attempts, id, string.format('%d %d', tries, deaths))
    give_back(ready, replay, id, queued, lane)
  end
end
count(counters, pulses, now, 'refused', buried)
return #expired
