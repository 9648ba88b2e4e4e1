--[[ note_start: why a start waits.
  Guarantees: it is kept only while that start goes on. A start-up check that comes late, when the workflow runs or another
  run has begun, leaves no trouble that nobody would end.
  KEYS  1 lifecycle  2 trouble
  ARGV  1 now, which plays no part  2 generation  3 the place  4 the trouble, as JSON
  Output 1 kept, 0 not ]]
local life = redis.call('HMGET', KEYS[1], 'state', 'generation')
if life[1] ~= 'STARTING' or tonumber(life[2]) ~= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
return 1
