--[[ renew: a writer asks for more time for a batch.
  Guarantees: only for a batch whose lease still runs, in the present generation, while the workflow is RUNNING; a lease is
  never shortened: a writer that does not know that it has left its batch to an import file cannot take it back.
  KEYS  1 lifecycle  2 batches
  ARGV  1 now or ''  2 generation  3 number of the batch  4 length of the lease from now, ms
  Output 1 renewed, 0 the lease has run out or nothing of the batch is held, -1 generation over ]]
local lifecycle, batches = KEYS[1], KEYS[2]
local now = clock(ARGV[1])

local life = redis.call('HMGET', lifecycle, 'state', 'generation')
if life[1] ~= RUNNING or life[2] ~= ARGV[2] then return -1 end

local ends = redis.call('ZSCORE', batches, ARGV[3])
if not ends or tonumber(ends) <= now then return 0 end
redis.call('ZADD', batches, 'GT', now + tonumber(ARGV[4]), ARGV[3])
return 1
