--[[ sending: a writer is about to send records it holds, after which nobody knows what the target holds of them, until
  `settle` says so.
  Guarantees: only the holder of a lease that still runs is heard; a record that was never confirmed stands in the ledger
  before it can be in the target, one that is to be deleted is not taken for present any more, and of one that is to be
  changed the values are not believed any more, so that even what was confirmed last is written if it comes again; else
  the version, time and fingerprint that were confirmed last stay. What was said of a record that nobody knew before can be taken back.
  KEYS  1 leases  2 batches  3.. the ledger bucket of each record
  ARGV  1 now or ''  2 number of the batch  3 one letter a record (at most 500): c it is to come, l it is to leave,
        u it is to be changed, n it was to come, was unknown before, and was not sent
        4 the entry of one of which nothing was ever confirmed  then every id, then every ledger field
  Output how many entries changed, -1 if the lease has run out ]]
local leases, batches = KEYS[1], KEYS[2]
local now, number, letters, unknown = clock(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local many, changed = #letters, 0
-- As `Standing` has them.
local PRESENT, LEAVING, COMING = 1, '\3', '\4'

local ends = redis.call('ZSCORE', batches, number)
if not ends or tonumber(ends) <= now then return -1 end

local mine, holders = tonumber(number), redis.call('ZMSCORE', leases, unpack(ARGV, 5, 4 + many))
for i = 1, many do
  if tonumber(holders[i]) == mine then
    local bucket, field = KEYS[2 + i], ARGV[4 + many + i]
    local entry, after = redis.call('HGET', bucket, field), nil
    if string.sub(letters, i, i) == 'l' then
      if entry and string.byte(entry) == PRESENT then after = LEAVING .. string.sub(entry, 2) end
    elseif string.sub(letters, i, i) == 'n' then
      if entry == COMING .. string.sub(unknown, 2) then changed = changed + redis.call('HDEL', bucket, field) end
    elseif string.sub(letters, i, i) == 'u' then
      if entry and string.byte(entry) == PRESENT then after = disbelieved(entry) end
    else
      after = COMING .. string.sub(entry or unknown, 2)
    end
    if after and after ~= entry then
      redis.call('HSET', bucket, field, after)
      changed = changed + 1
    end
  end
end
return changed
