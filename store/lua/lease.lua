--[[ lease: a writer takes the timed right to some records, live ones first.
  Guarantees: a record has at most one holder; no lease for a generation that is over or while the workflow is not RUNNING;
  delayed records whose time has come return to their lane first.
  KEYS  1 lifecycle  2 records  3 ready  4 replay  5 delayed  6 leases  7 owners  8 attempts  9 tried
  ARGV  1 now or ''  2 generation  3 token  4 how many (at most 500)  5 length of the lease, ms
  Output {code, ids, records, attempts}   code 1 leased, -1 generation over; attempts {} if no record has any ]]
local lifecycle, records, ready, replay, delayed, leases, owners, attempts, tried = unpack(KEYS, 1, 9)
local now, wanted = clock(ARGV[1]), tonumber(ARGV[4])

local life = redis.call('HMGET', lifecycle, 'state', 'generation')
if life[1] ~= RUNNING or life[2] ~= ARGV[2] then return {-1} end

local due = redis.call('ZRANGEBYSCORE', delayed, '-inf', now, 'LIMIT', 0, wanted)
if #due > 0 then
  redis.call('ZREM', delayed, unpack(due))
  for i, record in ipairs(redis.call('HMGET', records, unpack(due))) do
    local _, queued, lane = head_of(record)
    append(ready, replay, due[i], queued, lane)
  end
end

local ids = redis.call('LPOP', ready, wanted) or {}
if #ids < wanted then
  local replayed = redis.call('ZPOPMIN', replay, wanted - #ids)
  for i = 1, #replayed, 2 do ids[#ids + 1] = replayed[i] end
end
if #ids == 0 then return {1, {}, {}, {}} end

-- As text: a number would be written out anew for each record.
local until_ms = string.format('%.0f', now + tonumber(ARGV[5]))
local waiting, tries = redis.call('HMGET', records, unpack(ids)), {}
if redis.call('EXISTS', attempts) == 1 then tries = redis.call('HMGET', attempts, unpack(ids)) end
local lease, own, old = {}, {}, {}
for i, id in ipairs(ids) do
  lease[2 * i - 1], lease[2 * i] = until_ms, id
  own[2 * i - 1], own[2 * i] = id, ARGV[3]
  old[2 * i - 1], old[2 * i] = string.match(waiting[i], '^%d+ (%d+)'), id
end
redis.call('ZADD', leases, unpack(lease))
redis.call('HSET', owners, unpack(own))
redis.call('ZADD', tried, 'NX', unpack(old))
return {1, ids, waiting, tries}
