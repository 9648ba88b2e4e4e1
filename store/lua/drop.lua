--[[ drop: dead letters are given up, as an operator asks.
  Guarantees: only the very letter that was looked at goes; one that has come since then under the same id stays.
  KEYS  1 dead
  ARGV  1 now or '', as for every verb; nothing is told by it  then of each letter its id, and when it was set aside in
        ms (each once, at most 500)
  Output how many went ]]
local dropped = 0
for i = 2, #ARGV, 2 do
  local letter = redis.call('HGET', KEYS[1], ARGV[i])
  if letter and string.match(letter, '^(%d+) ') == ARGV[i + 1] then
    redis.call('HDEL', KEYS[1], ARGV[i])
    dropped = dropped + 1
  end
end
return dropped
