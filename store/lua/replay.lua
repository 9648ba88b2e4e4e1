--[[ replay: a stream's replay is asked for, withdrawn, begun, or ended before its end.
    ask      none pending -> pending
    cancel   pending      -> none pending
    begin    every pending one began now; it says whether the one before it was ended
    end      the last one that began -> ended now, once
  Guarantees: at most one request of a stream is pending; who asked or withdrew it, and why, is recorded in the same step;
  a request that is withdrawn or repeated does not touch when the last replay began.
  KEYS  1 replays: "asked:<stream>" pending, "began:<stream>" the last one that began  2 log
  ARGV  1 now or ''  2 ask|cancel|begin|end  3 stream  4 by  5 why   ('' for begin)
        6, 7 the window that is asked for, in ms since 1970, each or ''
  Output how many requests changed ]]
local replays, log = KEYS[1], KEYS[2]
local now, what, stream, by, why = clock(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]

if what == 'begin' then
  local fields, begun = redis.call('HGETALL', replays), 0
  for i = 1, #fields, 2 do
    local waiting = string.match(fields[i], '^asked:(.*)$')
    if waiting then
      local request = cjson.decode(fields[i + 1])
      request.began = now
      local before = redis.call('HGET', replays, 'began:' .. waiting)
      if before and cjson.decode(before).ended then request.anew = true end
      redis.call('HSET', replays, 'began:' .. waiting, cjson.encode(request))
      redis.call('HDEL', replays, fields[i])
      begun = begun + 1
    end
  end
  return begun
end

local changed
if what == 'ask' then
  changed = redis.call('HSETNX', replays, 'asked:' .. stream, cjson.encode({
    asked = now, by = by, why = why, since = tonumber(ARGV[6]), ['until'] = tonumber(ARGV[7])}))
elseif what == 'end' then
  local field = 'began:' .. stream
  local begun = cjson.decode(redis.call('HGET', replays, field) or '{"ended": 0}')
  changed = begun.ended and 0 or 1
  if changed == 1 then
    begun.ended = now
    redis.call('HSET', replays, field, cjson.encode(begun))
  end
else
  changed = redis.call('HDEL', replays, 'asked:' .. stream)
end
if changed == 1 then
  redis.call('XADD', log, 'MAXLEN', '~', 10000, '*', 'at', now, 'by', by, 'action', 'replay ' .. what, 'stream', stream,
    'why', why)
end
return changed
