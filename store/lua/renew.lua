--[[ renew: a writer asks for more time for records it holds.
  Guarantees: only the holder of a lease that still runs, in the present generation, while the workflow is RUNNING.
  KEYS  1 lifecycle  2 leases  3 owners
  ARGV  1 now or ''  2 generation  3 token  4 length of the lease from now, ms  then ids (at most 500)
  Output {code, id, ...}   code 1: the ids that are no longer held; -1 generation over, nothing renewed ]]
local lifecycle, leases, owners = unpack(KEYS, 1, 3)
local now = clock(ARGV[1])

local life = redis.call('HMGET', lifecycle, 'state', 'generation')
if life[1] ~= RUNNING or life[2] ~= ARGV[2] then return {-1} end

local lost = {1}
for i = 5, #ARGV do
  local id = ARGV[i]
  local holder = string.match(redis.call('HGET', owners, id) or '', '^%S+')
  local ends = tonumber(redis.call('ZSCORE', leases, id) or 0)
  if holder == ARGV[3] and ends > now then
    redis.call('ZADD', leases, 'XX', now + tonumber(ARGV[4]), id)
  else
    lost[#lost + 1] = id
  end
end
return lost
