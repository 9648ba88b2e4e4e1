--[[ put_page: a reader stores a page of at most 500 records and, with the page's last part, the cursor that follows it.
  Guarantees: nothing is stored for a generation that is over or from a cursor that has moved on; no page with
  records begins above the high-water mark, for which what is in a file for Campaign's import does not count; a record
  that waits already is replaced by a newer version where it stands, never listed twice, never replaced by an older one,
  and a newer one waits out neither the delay of an older one nor the parent it was parked for;
  what a full read brings in the same version replaces what waits too, since it was read later, perhaps with more
  columns; a live change takes a record that waits in the replay lane over into the live lane.
  KEYS  1 lifecycle  2 cursor  3 records  4 ready  5 replay  6 delayed  7 leases  8 followed  9 attempts  10 tried
        11 dead  12 counters  13 pulse  14 parked  15 awaits  16 by_parent  17 load
  ARGV  1 now  2 generation  3 number of the cursor this page was read from, '' where that does not matter
        4 next cursor, the same one for records fetched outside reading, or '' (more parts follow)
        5 high-water mark, '' for the later parts of a page, or without records  6 lane (l|r)
        7 records read  8 how many of those the filter kept back
        then for each its id and the record as it stands in `records` if it is new: texts that are only passed on
  Output {code, queued, replaced, skipped}   code 1 stored, -1 generation over, -2 cursor moved on, -3 high-water mark ]]
local lifecycle, cursor, records, ready, replay, delayed, leases, followed, attempts, tried, dead, counters, pulses,
  parked, awaits, by_parent = unpack(KEYS, 1, 16)
local now, lane = clock(ARGV[1]), ARGV[6]
-- As text: a number would be written out anew for each record.
local since = string.format('%.0f', now)

local life = redis.call('HMGET', lifecycle, 'state', 'generation')
if life[1] ~= RUNNING or life[2] ~= ARGV[2] then return {-1, 0, 0, 0} end
if ARGV[3] ~= '' and (redis.call('HGET', cursor, 'number') or '0') ~= ARGV[3] then return {-2, 0, 0, 0} end
-- A page that was let in is stored to its end: refused halfway, it could be drained and begun anew for ever.
if ARGV[5] ~= '' then
  local loaded = tonumber(redis.call('HGET', KEYS[17], 'count') or 0)
  if redis.call('HLEN', records) - loaded >= tonumber(ARGV[5]) then return {-3, 0, 0, 0} end
end

local ids, found = {}, {}
for i = 9, #ARGV, 2 do ids[#ids + 1] = ARGV[i] end
if #ids > 0 then found = redis.call('HMGET', records, unpack(ids)) end
local any_dead, any_delayed = redis.call('HLEN', dead) > 0, redis.call('EXISTS', delayed) == 1
local any_parked = redis.call('EXISTS', parked) == 1

local waiting, changes, listed = {}, {}, {}
local replaced, skipped = 0, 0
for i, id in ipairs(ids) do
  local record = ARGV[8 + 2 * i]
  local known = waiting[id] or found[i]
  if known then
    local version, _, _, start = head_of(record)
    local old, queued, old_lane = head_of(known)
    if version > old or version == old and lane == 'r' then
      if redis.call('ZSCORE', leases, id) and redis.call('SADD', followed, id) == 1 then
        -- A version is in flight: the newer one begins its own wait, and the holder's outcome will not end it.
        queued = now
      end
      if old_lane == 'r' and lane == 'l' then
        if redis.call('ZREM', replay, id) == 1 then
          redis.call('RPUSH', ready, id)
          redis.call('ZADD', tried, 'NX', queued, id)  -- it began to wait earlier than its place in `ready` tells
        end
        old_lane = 'l'
      end
      if any_delayed and redis.call('ZREM', delayed, id) == 1 then
        -- What failed was the older version: the newer one is tried at once, and afresh.
        append(ready, replay, id, queued, old_lane)
        redis.call('HDEL', attempts, id)
      end
      if any_parked and redis.call('ZSCORE', parked, id) then
        -- It may have another parent now, or none.
        end_parking(parked, awaits, by_parent, tried, {id})
        append(ready, replay, id, queued, old_lane)
        redis.call('HDEL', attempts, id)
      end
      waiting[id] = record_of(version, queued, old_lane, string.sub(record, start))
      changes[#changes + 1] = id
      changes[#changes + 1] = waiting[id]
      replaced = replaced + 1
    else
      skipped = skipped + 1
    end
  else
    local grave = any_dead and redis.call('HGET', dead, id)
    local version, refused
    if grave then
      version = head_of(record)
      refused = head_of(buried(grave))
    end
    if refused and (refused > version or (refused == version and lane == 'l')) then
      skipped = skipped + 1
    else
      if refused then redis.call('HDEL', dead, id) end
      waiting[id] = record
      changes[#changes + 1] = id
      changes[#changes + 1] = record
      if lane == 'r' then listed[#listed + 1] = since end
      listed[#listed + 1] = id
    end
  end
end

if #changes > 0 then redis.call('HSET', records, unpack(changes)) end
if #listed > 0 then
  if lane == 'l' then redis.call('RPUSH', ready, unpack(listed)) else redis.call('ZADD', replay, unpack(listed)) end
end
if ARGV[4] ~= '' then redis.call('HSET', cursor, 'number', tonumber(ARGV[3]) + 1, 'value', ARGV[4], 'at', now) end
count(counters, pulses, now, 'read', tonumber(ARGV[7]))
count(counters, pulses, now, 'filtered', tonumber(ARGV[8]))
return {1, lane == 'l' and #listed or #listed / 2, replaced, skipped}
