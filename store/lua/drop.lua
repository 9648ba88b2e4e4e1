--[[ drop: dead letters are given up, as an operator asks.
  Guarantees: only the very letter that was looked at goes; one that has come since then under the same id stays.
  Asked again, since an answer was lost, it says once more which went.
  KEYS  1 dead  2 the answer to this act
  ARGV  1 now or '', as for every verb; nothing is told by it  then of each letter its id, and when it was set aside in
        ms (each once, at most 500)
  Output a letter for each: d went, - stays, or there was none ]]
local before = redis.call('GET', KEYS[2])
if before then return before end
local became = {}
for i = 2, #ARGV, 2 do
  became[i / 2] = '-'
  local letter = redis.call('HGET', KEYS[1], ARGV[i])
  if letter and string.match(letter, '^(%d+) ') == ARGV[i + 1] then
    redis.call('HDEL', KEYS[1], ARGV[i])
    became[i / 2] = 'd'
  end
end
before = table.concat(became)
if string.find(before, 'd') then redis.call('SET', KEYS[2], before, 'EX', ANSWER_KEPT) end
return before
