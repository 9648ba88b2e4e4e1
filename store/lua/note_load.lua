--[[ note_load: what was found out of a load is kept with it.
  Guarantees: only with the load of that name: who has slept notes nothing of the one that came after it.
  KEYS  1 load
  ARGV  1 now or ''  2 name of the load  then fields, each with its value
  Output 1 noted, 0 it is not there any more ]]
if redis.call('HGET', KEYS[1], 'name') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
return 1
