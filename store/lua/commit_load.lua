--[[ commit_load: a writer leaves its batches to an import file.
  Guarantees: in the present generation, while the workflow is RUNNING, if the lease of every batch still runs, if each
  batch holds just as many records as were drafted of it, and if no other load is there; then, in one step, the load is
  there with what was drafted of it, and it holds the batches: their leases end no more by themselves, whatever becomes of
  the process. Otherwise nothing has changed. Asked again, since an answer was lost, it says once more that it is done.
  KEYS  1 lifecycle  2 batches  3 load  4 draft of the load, which takes its place  5 leases
  ARGV  1 now or ''  2 generation  3 the end that never comes  4 name of the load  5 what is to be known of it
        6 how many records it has  then of every batch its number and how many records of it were drafted
  Output 1 committed, 0 a lease has run out or the draft is not whole, -1 generation over, -2 another load is there ]]
local lifecycle, batches, load, draft, leases = unpack(KEYS)
local now = clock(ARGV[1])

-- The client sends it once more where a connection broke off before the answer.
if redis.call('HGET', load, 'name') == ARGV[4] then return 1 end
local life = redis.call('HMGET', lifecycle, 'state', 'generation')
if life[1] ~= RUNNING or life[2] ~= ARGV[2] then return -1 end
if redis.call('EXISTS', load) == 1 then return -2 end
for i = 7, #ARGV, 2 do
  local number, drafted = ARGV[i], tonumber(ARGV[i + 1])
  local ends = redis.call('ZSCORE', batches, number)
  if not ends or tonumber(ends) <= now then return 0 end
  -- A server that crashed may have forgotten the last second of what was drafted, or settled.
  if redis.call('HEXISTS', draft, 'batch:' .. number) == 0 then return 0 end
  if redis.call('ZCOUNT', leases, number, number) ~= drafted then return 0 end
end

for i = 7, #ARGV, 2 do redis.call('ZADD', batches, ARGV[3], ARGV[i]) end
redis.call('RENAME', draft, load)
redis.call('PERSIST', load)
redis.call('HSET', load, 'name', ARGV[4], 'known', ARGV[5], 'count', ARGV[6], 'committed_ms', string.format('%.0f', now))
return 1
