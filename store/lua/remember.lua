--[[ remember: what became of records just now, for people who ask later.
  Guarantees: of a stream, the last outcomes are kept up to a number, the oldest go first, whatever their parts are.
  KEYS  1 outcomes  2 remembered
  ARGV  1 now or ''  2 how many outcomes are kept  3 outcomes, 20 bytes each
  Output nothing ]]
local outcomes, remembered, now, kept = KEYS[1], KEYS[2], clock(ARGV[1]), tonumber(ARGV[2])
redis.call('RPUSH', outcomes, string.format('%.0f ', now) .. ARGV[3])
local total = redis.call('INCRBY', remembered, #ARGV[3] / 20)
while total > kept do
  local oldest = redis.call('LPOP', outcomes)
  if not oldest then
    redis.call('DEL', remembered)
    break
  end
  total = redis.call('DECRBY', remembered, (#oldest - string.find(oldest, ' ', 1, true)) / 20)
end
