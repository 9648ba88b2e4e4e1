--[[ settle: a writer says what became of records it holds.
  Guarantees: only the holder of a lease that still runs is believed, in any generation (the write has happened); a record
  leaves the queue only when its newest version is confirmed, set aside or filtered out; a newer version that came
  meanwhile waits again, and waits out no delay of the older one; the ledger is written in the same step; a batch of which
  nothing is held any more is over; what was found unchanged by an entry that was disbelieved since is given back; a record
  is parked only while its parent is not confirmed as present, and who confirms the parent releases it: no wake-up is lost
  between the two.
  KEYS  1 records  2 ready  3 replay  4 delayed  5 leases  6 batches  7 followed  8 attempts  9 tried  10 dead
        11 counters  12 pulse  13 parked  14 awaits  15 by_parent  16 awaited  17 released
        18.. one ledger bucket for each record of the call: its own, of a record to be parked its parent's
        then `awaited` of the streams of those parents
  ARGV  1 now or ''  2 number of the batch  3 outcomes, one letter a record (at most 500)  4 stream
        then every id (each once), then x of every record, then y of every record
        w written    x ledger field, y ledger entry or ''    u unchanged, nothing was sent   x, y the same
        a again      x wait in ms, y 1 if the attempt counts b given back unsent             x, y ''
        d refused, set aside as a dead letter                x reason, y ''
        f filtered out, forgotten                            x, y ''
        p to be parked  x the parent's ledger field, y "<which key is its stream's `awaited`, or 0> <stream> <id>", the parent's
  Output ids that were not believed ]]
local records, ready, replay, delayed, leases, batches, followed, attempts, tried, dead, counters, pulses, parked,
  awaits, by_parent, awaited, released = unpack(KEYS, 1, 17)
local now, number, outcomes, stream = clock(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local many = #outcomes
local ids = {unpack(ARGV, 5, 4 + many)}

local ends = redis.call('ZSCORE', batches, number)
if not ends or tonumber(ends) <= now then return ids end

local function is_present(entry) return entry and string.byte(entry) == 1 end  -- as `Standing` has it
local BLANK = string.rep('\0', 8)
local function is_disbelieved(entry) return string.sub(entry, 14, 21) == BLANK end

local COUNTED = {w = 'written', u = 'unchanged', a = 'again', d = 'refused', f = 'filtered', p = 'parked'}
local counts, newer = {w = 0, u = 0, a = 0, d = 0, b = 0, f = 0, p = 0}, {}
local doubted, believed, held, gone, left, waits, parents = {}, {}, 0, {}, 0, {}, {}
local mine, holders = tonumber(number), redis.call('ZMSCORE', leases, unpack(ids))
local any_followed, any_tried = redis.call('EXISTS', followed) == 1, redis.call('EXISTS', attempts) == 1
if any_followed then newer = redis.call('SMISMEMBER', followed, unpack(ids)) end

for i = 1, many do
  local id, outcome = ids[i], string.sub(outcomes, i, i)
  local x, y = ARGV[4 + many + i], ARGV[4 + 2 * many + i]
  if tonumber(holders[i]) ~= mine then
    doubted[#doubted + 1] = id
  else
    held = held + 1
    believed[held] = id
    if outcome == 'p' and (newer[i] == 1 or is_present(redis.call('HGET', KEYS[17 + i], x))) then
      outcome = 'b'  -- nothing to wait for: the parent has come meanwhile, or a version that may have another
    end
    if outcome == 'u' and is_present(y) and not is_disbelieved(y) then
      local entry = redis.call('HGET', KEYS[17 + i], x)
      -- Found unchanged before that was disbelieved: whoever did so counts on its next version, which may be this one.
      if is_present(entry) and is_disbelieved(entry) then outcome = 'b' end
    end
    counts[outcome] = counts[outcome] + 1
    if (outcome == 'w' or outcome == 'u') and y ~= '' then redis.call('HSET', KEYS[17 + i], x, y) end
    if outcome == 'b' then
      local _, queued, lane = head_of(redis.call('HGET', records, id))
      give_back(ready, replay, id, queued, lane)
    elseif outcome == 'a' and newer[i] == 1 then
      -- What failed was the older version: the newer one is tried at once, and afresh. Something has been missing in the
      -- target since the older one came.
      local _, queued, lane = head_of(redis.call('HGET', records, id))
      redis.call('HDEL', attempts, id)
      append(ready, replay, id, queued, lane)
    elseif outcome == 'a' then
      local tries, deaths = attempts_of(redis.call('HGET', attempts, id))
      redis.call('HSET', attempts, id, string.format('%d %d', tries + tonumber(y), deaths))
      redis.call('ZADD', delayed, now + tonumber(x), id)
    elseif outcome == 'p' then
      local place, parent_stream, parent = string.match(y, '^(%d+) (%S+) (.*)$')
      waits[#waits + 1], parents[#parents + 1] = id, parent_stream .. ' ' .. parent
      local children = place ~= '0' and redis.call('HGET', KEYS[tonumber(place)], parent) or ' '
      if place ~= '0' and not string.find(children, ' ' .. stream .. ' ', 1, true) then
        redis.call('HSET', KEYS[tonumber(place)], parent, children .. stream .. ' ')
      end
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
if #waits > 0 then park(parked, awaits, by_parent, tried, waits, parents, now) end
-- Looked at last: a record parked by this very call may wait for another of its records.
if held > 0 and redis.call('EXISTS', awaited) == 1 then
  for i = 1, many do
    local outcome = string.sub(outcomes, i, i)
    if (outcome == 'w' or outcome == 'u') and tonumber(holders[i]) == mine and is_present(ARGV[4 + 2 * many + i]) then
      for child in string.gmatch(redis.call('HGET', awaited, ids[i]) or '', '%S+') do
        redis.call('ZADD', released, 0, child .. ' ' .. stream .. ' ' .. ids[i])
      end
      redis.call('HDEL', awaited, ids[i])
    end
  end
end
for outcome, what in pairs(COUNTED) do count(counters, pulses, now, what, counts[outcome]) end
return doubted
