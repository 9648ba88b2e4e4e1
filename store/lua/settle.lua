--[[ settle: a writer says what became of records it holds.
  Guarantees: only the holder of a lease that still runs is believed, in any generation (the write has happened); a record
  leaves the queue only when its newest version is confirmed or set aside; a newer version that came meanwhile waits again;
  the ledger is written in the same step; a batch of which nothing is held any more is over.
  KEYS  1 records  2 ready  3 replay  4 delayed  5 leases  6 batches  7 followed  8 attempts  9 tried  10 dead
        11 counters  12 pulse  13.. one ledger bucket for each record of the call
  ARGV  1 now or ''  2 number of the batch  3 outcomes, one letter a record (at most 500)
        then every id (each once), then x of every record, then y of every record
        w written    x ledger field, y ledger entry          u unchanged, nothing was sent   x, y the same
        a again      x wait in ms, y 1 if the attempt counts b given back unsent             x, y ''
        d refused, set aside as a dead letter                x reason, y ''
  Output ids that were not believed ]]
local records, ready, replay, delayed, leases, batches, followed, attempts, tried, dead, counters, pulses =
  unpack(KEYS, 1, 12)
local now, number, outcomes = clock(ARGV[1]), ARGV[2], ARGV[3]
local many = #outcomes
local ids = {unpack(ARGV, 4, 3 + many)}

local ends = redis.call('ZSCORE', batches, number)
if not ends or tonumber(ends) <= now then return ids end

local COUNTED = {w = 'written', u = 'unchanged', a = 'again', d = 'refused'}
local counts, newer = {w = 0, u = 0, a = 0, d = 0, b = 0}, {}
local doubted, believed, held, gone, left = {}, {}, 0, {}, 0
local mine, holders = tonumber(number), redis.call('ZMSCORE', leases, unpack(ids))
local any_followed, any_tried = redis.call('EXISTS', followed) == 1, redis.call('EXISTS', attempts) == 1
if any_followed then newer = redis.call('SMISMEMBER', followed, unpack(ids)) end

for i = 1, many do
  local id, outcome = ids[i], string.sub(outcomes, i, i)
  local x, y = ARGV[3 + many + i], ARGV[3 + 2 * many + i]
  if tonumber(holders[i]) ~= mine then
    doubted[#doubted + 1] = id
  else
    held = held + 1
    believed[held] = id
    counts[outcome] = counts[outcome] + 1
    if outcome == 'w' or outcome == 'u' then redis.call('HSET', KEYS[12 + i], x, y) end
    if outcome == 'b' then
      local _, queued, lane = head_of(redis.call('HGET', records, id))
      give_back(ready, replay, id, queued, lane)
    elseif outcome == 'a' then
      local tries, deaths = attempts_of(redis.call('HGET', attempts, id))
      if newer[i] == 1 then tries = 0 else tries = tries + tonumber(y) end
      redis.call('HSET', attempts, id, string.format('%d %d', tries, deaths))
      redis.call('ZADD', delayed, now + tonumber(x), id)
    elseif newer[i] == 1 then
      local _, queued, lane = head_of(redis.call('HGET', records, id))
      redis.call('HDEL', attempts, id)
      redis.call('ZADD', tried, queued, id)
      append(ready, replay, id, queued, lane)
    else
      if outcome == 'd' then
        local tries = attempts_of(redis.call('HGET', attempts, id))
        bury(dead, id, redis.call('HGET', records, id), now, tries + 1, x)
      end
      left = left + 1
      gone[left] = id
    end
  end
end

if held > 0 then
  if redis.call('ZCOUNT', leases, number, number) == held then
    redis.call('ZREMRANGEBYSCORE', leases, number, number)
    redis.call('ZREM', batches, number)
  else
    redis.call('ZREM', leases, unpack(believed))
  end
  if any_followed then redis.call('SREM', followed, unpack(believed)) end
end
if left > 0 then
  redis.call('HDEL', records, unpack(gone))
  redis.call('ZREM', tried, unpack(gone))
  if any_tried then redis.call('HDEL', attempts, unpack(gone)) end
end
for outcome, what in pairs(COUNTED) do count(counters, pulses, now, what, counts[outcome]) end
return doubted
