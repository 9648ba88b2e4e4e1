--[[ reseal: fields of one hash, sealed anew; what they say stays.
  Guarantees: a field that is not as it was read, because a writer has changed or taken it meanwhile, is left as it is.
  KEYS  1 the hash
  ARGV  1 now or '', as for every verb; nothing is told by it  then of each field: its name, as it was, as it shall be
  Output how many were changed ]]
local changed = 0
for i = 2, #ARGV, 3 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
    changed = changed + 1
  end
end
return changed
