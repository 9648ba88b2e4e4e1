--[[ measure: a writer says since when changes waited that were confirmed just now.
  Guarantees: every change is counted once, under the first time that it kept, both for ever and for its five minutes.
  A field is "<measure>:<place>" or, for five minutes, "<their number>:<measure>:<place>"; place 0 is the first edge, the
  one after the last is for what took longer; "<measure>:ms" is the sum of the times.
  KEYS  1 freshness
  ARGV  1 now or ''  2 how many edges  then the edges, ms, rising
        then three a group: the measure, when its changes happened, ms since 1970, and how many they are
  Output nothing ]]
local freshness, now, edges = KEYS[1], clock(ARGV[1]), tonumber(ARGV[2])
local window = string.format('%.0f:', math.floor(now / 300000))
for i = 3 + edges, #ARGV, 3 do
  local measure, many = ARGV[i], ARGV[i + 2]
  local took = math.max(0, now - tonumber(ARGV[i + 1]))
  local place = 0
  while place < edges and took > tonumber(ARGV[3 + place]) do place = place + 1 end
  local field = string.format('%s:%d', measure, place)
  redis.call('HINCRBY', freshness, field, many)
  redis.call('HINCRBY', freshness, window .. field, many)
  redis.call('HINCRBY', freshness, measure .. ':ms', string.format('%.0f', took * many))
end
