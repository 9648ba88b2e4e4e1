--[[ lease: a writer takes the timed right to some records, live ones first.
  Guarantees: a record has at most one holder; no lease for a generation that is over or while the workflow is not RUNNING;
  delayed records whose time has come, and parked ones whose parent was confirmed, return to their lane first; no number
  is given to two batches, not even by a server that crashed and lost the last second.
  KEYS  1 lifecycle  2 records  3 ready  4 replay  5 delayed  6 leases  7 batches  8 attempts  9 tried  10 counters
        11 parked  12 awaits  13 by_parent  14 released
  ARGV  1 now or ''  2 generation  3 how many (at most 500)  4 length of the lease, ms  5 stream
  Output {code, number of the batch, ids, records, attempts}
    code 1 leased, -1 generation over; number 0 if nothing is ready; attempts {} if no record has any ]]
local lifecycle, records, ready, replay, delayed, leases, batches, attempts, tried, counters, parked, awaits,
  by_parent, released = unpack(KEYS, 1, 14)
local now, wanted, stream = clock(ARGV[1]), tonumber(ARGV[3]), ARGV[5]

local life = redis.call('HMGET', lifecycle, 'state', 'generation')
if life[1] ~= RUNNING or life[2] ~= ARGV[2] then return {-1} end

local due = redis.call('ZRANGEBYSCORE', delayed, '-inf', now, 'LIMIT', 0, wanted)
if #due > 0 then
  redis.call('ZREM', delayed, unpack(due))
  append_all(records, ready, replay, due)
end

-- No more children at a time than are wanted: one parent may have a hundred thousand. While some may be left, the parent
-- stays among those released.
local left, back, prefix = wanted, {}, stream .. ' '
for _, entry in ipairs(redis.call('ZRANGEBYLEX', released, '[' .. prefix, '(' .. stream .. '!', 'LIMIT', 0, wanted)) do
  local parent = string.sub(entry, #prefix + 1)
  local children = redis.call('ZRANGEBYLEX', by_parent, '[' .. parent .. '\0', '(' .. parent .. '\1', 'LIMIT', 0, left)
  for _, child in ipairs(children) do back[#back + 1] = string.sub(child, #parent + 2) end
  left = left - #children
  if left == 0 then break end
  redis.call('ZREM', released, entry)
end
if #back > 0 then
  end_parking(parked, awaits, by_parent, tried, back)
  append_all(records, ready, replay, back)
end

local ids = redis.call('LPOP', ready, wanted) or {}
if #ids < wanted then
  local replayed = redis.call('ZPOPMIN', replay, wanted - #ids)
  for i = 1, #replayed, 2 do ids[#ids + 1] = replayed[i] end
end
local many = #ids
if many == 0 then return {1, '0', {}, {}, {}} end

-- A count alone would begin again where a crash has set it back, while the holder of the lost number still speaks.
local newest = tonumber(redis.call('HGET', counters, 'newest_batch') or 0)
-- As text: a number would be written out anew for each record.
local number = string.format('%.0f', math.max(newest + 1, now))
redis.call('HSET', counters, 'newest_batch', number)
redis.call('ZADD', batches, now + tonumber(ARGV[4]), number)

local waiting, tries = redis.call('HMGET', records, unpack(ids)), {}
if redis.call('EXISTS', attempts) == 1 then tries = redis.call('HMGET', attempts, unpack(ids)) end
local held, old = {}, {}
for i = 1, many do
  local id = ids[i]
  held[2 * i - 1], held[2 * i] = number, id
  old[2 * i - 1], old[2 * i] = string.match(waiting[i], '^%d+ (%d+)'), id
end
redis.call('ZADD', leases, unpack(held))
redis.call('ZADD', tried, 'NX', unpack(old))
return {1, number, ids, waiting, tries}
