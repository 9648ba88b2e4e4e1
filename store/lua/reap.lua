--[[ reap: gives back the records whose holder let its lease run out.
  Guarantees: every batch whose lease has run out is ended as a whole, and its records wait again at the front of their
  lane; a record that has outlived too many holders is set aside, since it may be what kills them, and nothing is
  known any more of how far its children were told.
  KEYS  1 records  2 ready  3 replay  4 leases  5 batches  6 followed  7 attempts  8 tried  9 dead  10 counters  11 pulse
        12 following
  ARGV  1 now or ''  2 how many records at most (500, as many as the largest batch has)  3 deaths that are too many
        4 reason of the dead letter
  Output how many records came back or were set aside ]]
local records, ready, replay, leases, batches, followed, attempts, tried, dead, counters, pulses,
  following = unpack(KEYS, 1, 12)
local now, handled, buried = clock(ARGV[1]), 0, 0

for _, number in ipairs(redis.call('ZRANGEBYSCORE', batches, '-inf', now, 'LIMIT', 0, ARGV[2])) do
  local ids = redis.call('ZRANGEBYSCORE', leases, number, number)
  if handled + #ids > tonumber(ARGV[2]) then break end
  handled = handled + #ids
  redis.call('ZREMRANGEBYSCORE', leases, number, number)
  redis.call('ZREM', batches, number)
  redis.call('SREM', followed, unpack(ids))
  for _, id in ipairs(ids) do
    local record = redis.call('HGET', records, id)
    local _, queued, lane = head_of(record)
    local tries, deaths = attempts_of(redis.call('HGET', attempts, id))
    deaths = deaths + 1
    if deaths >= tonumber(ARGV[3]) then
      bury(dead, id, record, now, tries, ARGV[4])
      redis.call('HDEL', records, id)
      redis.call('HDEL', attempts, id)
      redis.call('ZREM', tried, id)
      redis.call('HDEL', following, id)
      buried = buried + 1
    else
      redis.call('HSET', attempts, id, string.format('%d %d', tries, deaths))
      give_back(ready, replay, id, queued, lane)
    end
  end
end
count(counters, pulses, now, 'refused', buried)
return handled
