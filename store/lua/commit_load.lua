--[[ commit_load: a writer leaves its batches to an import file.
  Guarantees: in the present generation, while the workflow is RUNNING, if the lease of every batch still runs, and if no
  other load is there; then, in one step, the load is there with what was drafted of it, and it holds the batches: their
  leases end no more by themselves, whatever becomes of the process. Otherwise nothing has changed.
  KEYS  1 lifecycle  2 batches  3 load  4 draft of the load, which takes its place
  ARGV  1 now or ''  2 generation  3 the end that never comes  4 name of the load  5 what is to be known of it
        then the number of every batch
  Output 1 committed, 0 a lease has run out or the draft is gone, -1 generation over, -2 another load is there ]]
local lifecycle, batches, load, draft = unpack(KEYS)
local now = clock(ARGV[1])

local life = redis.call('HMGET', lifecycle, 'state', 'generation')
if life[1] ~= RUNNING or life[2] ~= ARGV[2] then return -1 end
if redis.call('EXISTS', load) == 1 then return -2 end
if redis.call('EXISTS', draft) == 0 then return 0 end
for i = 6, #ARGV do
  local ends = redis.call('ZSCORE', batches, ARGV[i])
  if not ends or tonumber(ends) <= now then return 0 end
end

for i = 6, #ARGV do redis.call('ZADD', batches, ARGV[3], ARGV[i]) end
redis.call('RENAME', draft, load)
redis.call('PERSIST', load)
redis.call('HSET', load, 'name', ARGV[4], 'known', ARGV[5], 'committed_ms', string.format('%.0f', now))
return 1
