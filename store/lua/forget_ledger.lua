--[[ forget_ledger: a reader forgets what was confirmed, before its table is written elsewhere; a part of the ledger a call.
  Guarantees: nothing is forgotten for a generation that is over or from a cursor that has moved on. The position
  under the new mapping moves it once all was forgotten, and nothing is written before: so a reader that comes late
  takes nothing from the new ledger.
  KEYS  1 lifecycle  2 cursor  3.. ledger buckets (at most 1024)
  ARGV  1 now or '', as for every verb; nothing is told by it  2 generation  3 number of the cursor that was looked at
  Output 1 forgotten, -1 generation over, -2 cursor moved on ]]
local life = redis.call('HMGET', KEYS[1], 'state', 'generation')
if life[1] ~= RUNNING or life[2] ~= ARGV[2] then return -1 end
if (redis.call('HGET', KEYS[2], 'number') or '0') ~= ARGV[3] then return -2 end
redis.call('UNLINK', unpack(KEYS, 3))
return 1
