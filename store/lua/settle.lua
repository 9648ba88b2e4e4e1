--[[ settle: a writer says what became of records it holds.
  Guarantees: only the holder of a lease that still runs is believed, in any generation (the write has happened); a record
  leaves the queue only when its newest version is confirmed or set aside; a newer version that came meanwhile waits again;
  the ledger is written in the same step.
  KEYS  1 records  2 ready  3 replay  4 delayed  5 leases  6 owners  7 attempts  8 tried  9 dead  10 counters  11 pulse
        12.. one ledger bucket for each record of the call
  ARGV  1 now or ''  2 token  3 outcomes, one letter a record  then for each record (at most 500, each once): id, x, y
        w written    x ledger field, y ledger entry          u unchanged, nothing was sent   x, y the same
        a again      x wait in ms, y 1 if the attempt counts b given back unsent             x, y ''
        d refused, set aside as a dead letter                x reason, y ''
  Output ids that were not believed ]]
local records, ready, replay, delayed, leases, owners, attempts, tried, dead, counters, pulses = unpack(KEYS, 1, 11)
local now = clock(ARGV[1])
local COUNTED = {w = 'written', u = 'unchanged', a = 'again', d = 'refused'}
local counts, doubted, believed, gone = {w = 0, u = 0, a = 0, d = 0, b = 0}, {}, {}, {}
local alone, followed = ARGV[2], ARGV[2] .. ' n'

local ids, any_tried = {}, redis.call('EXISTS', attempts) == 1
for i = 4, #ARGV, 3 do ids[#ids + 1] = ARGV[i] end
local holders, ends = redis.call('HMGET', owners, unpack(ids)), {}
-- Most of the time no lease at all has run out, and none needs to be looked at.
local any_over = redis.call('ZCOUNT', leases, '-inf', now) > 0
if any_over then ends = redis.call('ZMSCORE', leases, unpack(ids)) end

for i, id in ipairs(ids) do
  local outcome, x, y = string.sub(ARGV[3], i, i), ARGV[3 * i + 2], ARGV[3 * i + 3]
  local holder = holders[i]
  if (holder ~= alone and holder ~= followed) or (any_over and tonumber(ends[i]) <= now) then
    doubted[#doubted + 1] = id
  else
    believed[#believed + 1] = id
    counts[outcome] = counts[outcome] + 1
    local newer = holder == followed
    if outcome == 'w' or outcome == 'u' then redis.call('HSET', KEYS[11 + i], x, y) end
    if outcome == 'b' then
      local _, queued, lane = head_of(redis.call('HGET', records, id))
      give_back(ready, replay, id, queued, lane)
    elseif outcome == 'a' then
      local tries, deaths = attempts_of(redis.call('HGET', attempts, id))
      if newer then tries = 0 else tries = tries + tonumber(y) end
      redis.call('HSET', attempts, id, string.format('%d %d', tries, deaths))
      redis.call('ZADD', delayed, now + tonumber(x), id)
    elseif newer then
      local _, queued, lane = head_of(redis.call('HGET', records, id))
      redis.call('HDEL', attempts, id)
      redis.call('ZADD', tried, queued, id)
      append(ready, replay, id, queued, lane)
    else
      if outcome == 'd' then
        local tries = attempts_of(redis.call('HGET', attempts, id))
        bury(dead, id, redis.call('HGET', records, id), now, tries + 1, x)
      end
      gone[#gone + 1] = id
    end
  end
end

if #believed > 0 then
  redis.call('ZREM', leases, unpack(believed))
  redis.call('HDEL', owners, unpack(believed))
end
if #gone > 0 then
  redis.call('HDEL', records, unpack(gone))
  redis.call('ZREM', tried, unpack(gone))
  if any_tried then redis.call('HDEL', attempts, unpack(gone)) end
end
for outcome, what in pairs(COUNTED) do count(counters, pulses, now, what, counts[outcome]) end
return doubted
