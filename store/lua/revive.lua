--[[ revive: dead letters go back to their lanes, as an operator asks.
  Guarantees: a record that waits again already is left as it is, and only its letter goes, since what waits was read
  later; one that goes back is as old as it is, since it was not read anew, and begins its attempts anew; the state of
  the workflow does not matter; who asks twice does nothing twice.
  Asked again, since an answer was lost, it says once more what became of them.
  KEYS  1 records  2 ready  3 replay  4 tried  5 dead  6 returned, as `unpark` has it  7 the answer to this act
  ARGV  1 now or ''  then the ids (each once, at most 500)
  Output a letter for each id: b went back, s only the dead letter went, - there was none ]]
local records, ready, replay, tried, dead, returned, answer = unpack(KEYS)
local before = redis.call('GET', answer)
if before then return before end
local gone, stored, ages, live, replayed, became = {}, {}, {}, {}, {}, {}

for i, letter in ipairs(redis.call('HMGET', dead, unpack(ARGV, 2))) do
  became[i] = '-'
  if letter then
    local id = ARGV[1 + i]
    gone[#gone + 1] = id
    became[i] = 's'
    if redis.call('HEXISTS', records, id) == 0 then
      became[i] = 'b'
      local record = buried(letter)
      local _, queued, lane = head_of(record)
      stored[#stored + 1], stored[#stored + 2] = id, record
      ages[#ages + 1], ages[#ages + 2] = queued, id
      if lane == 'l' then
        live[#live + 1] = id
      else
        replayed[#replayed + 1], replayed[#replayed + 2] = queued, id
      end
    end
  end
end
if #gone > 0 then redis.call('HDEL', dead, unpack(gone)) end
if #stored > 0 then
  redis.call('HSET', records, unpack(stored))
  -- They began to wait earlier than their places tell.
  redis.call('ZADD', tried, unpack(ages))
  redis.call('SET', returned, string.format('%.0f', clock(ARGV[1])))
end
if #live > 0 then redis.call('RPUSH', ready, unpack(live)) end
if #replayed > 0 then redis.call('ZADD', replay, unpack(replayed)) end
before = table.concat(became)
if #gone > 0 then redis.call('SET', answer, before, 'EX', ANSWER_KEPT) end
return before
