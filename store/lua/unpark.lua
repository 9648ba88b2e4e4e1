--[[ unpark: parked records wait no longer for their parents.
  Guarantees: only a record that is parked is touched, and where a parent is named only one that waits for that; with a
  reason it is set aside, but not if its parent was confirmed meanwhile: then, and without a reason, it waits in its lane,
  as old as it is. Of who is set aside nothing is known any more of how far its children were told.
  KEYS  1 records  2 ready  3 replay  4 attempts  5 tried  6 dead  7 counters  8 pulse  9 parked  10 awaits  11 by_parent
        12 released  13 returned: when records last came back to their lanes older than their wait, ms since 1970
        14 following
  ARGV  1 now or ''  2 stream  3 reason of the dead letter, '' for none  4 "<parent's stream> <its id>", '' for any
        then the ids (each once, at most 500)
  Output how many were set aside or, without a reason, returned to their lane ]]
local records, ready, replay, attempts, tried, dead, counters, pulses, parked, awaits, by_parent, released,
  returned, following = unpack(KEYS, 1, 14)
local now, stream, reason, meant = clock(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local ids, back, buried = {}, {}, 0

for i, told in ipairs(redis.call('HMGET', awaits, unpack(ARGV, 5))) do
  if told and (meant == '' or string.match(told, '^%d+ (.*)$') == meant) then ids[#ids + 1] = ARGV[4 + i] end
end
if #ids == 0 then return 0 end

local parents = end_parking(parked, awaits, by_parent, tried, ids)
for i, id in ipairs(ids) do
  if reason == '' or redis.call('ZSCORE', released, stream .. ' ' .. parents[i]) then
    back[#back + 1] = id
  else
    bury(dead, id, redis.call('HGET', records, id), now, (attempts_of(redis.call('HGET', attempts, id))), reason)
    redis.call('HDEL', records, id)
    redis.call('HDEL', attempts, id)
    redis.call('ZREM', tried, id)
    redis.call('HDEL', following, id)
    buried = buried + 1
  end
end
if #back > 0 then append_all(records, ready, replay, back) end
if #back > 0 then redis.call('SET', returned, string.format('%.0f', now)) end
count(counters, pulses, now, 'refused', buried)
return reason == '' and #back or buried
