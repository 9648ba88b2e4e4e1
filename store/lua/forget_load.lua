--[[ forget_load: a load is over.
  Guarantees: only the load of that name, and only when it holds no record any more: whatever it held is settled.
  KEYS  1 load  2 batches
  ARGV  1 now or ''  2 name of the load  then the number of every batch
  Output 1 forgotten, 0 it is not there any more, or still holds records ]]
if redis.call('HGET', KEYS[1], 'name') ~= ARGV[2] then return 0 end
for i = 3, #ARGV do
  if redis.call('ZSCORE', KEYS[2], ARGV[i]) then return 0 end
end
redis.call('DEL', KEYS[1])
return 1
