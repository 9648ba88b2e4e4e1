--[[ replay: a stream's replay is asked for, withdrawn, begun, paused, resumed, or ended before its end.
    ask      none pending -> pending
    cancel   pending      -> none pending
    begin    every pending one began now; it says whether the one before it was ended. Of a start: while it is one
    now      the same for one stream, only while the workflow is RUNNING
    pause    the last one that began -> paused now      resume   -> not paused any more
    end      the last one that began -> ended now, once
    over     the last one that began -> all was read, once
  Guarantees: at most one request of a stream is pending; who asked, withdrew, paused or ended it, and why, is recorded in
  the same step; a request that is withdrawn or repeated does not touch when the last replay began; the ids of a request
  that is asked for are kept for as long as it is, and go in the same step when it is withdrawn or ended; who withdraws,
  pauses, resumes or ends one does so to the one that was meant, or to none.
  Asked again, since an answer was lost, it says once more that it is done.
  KEYS  1 replays: "asked:<stream>" pending, "began:<stream>" the last one that began  2 log  3 lifecycle
        4 the ids of the request; any of the others if it has none  5 past: the last 20 that others have followed
        6 the answer to this act; any of the others for begin and over
  ARGV  1 now or ''  2 what, see above  3 stream; of `begin` the start's generation  4 by  5 why   ('' for begin)
        6, 7 the window that is asked for, in ms since 1970, each or ''; of the others 6 is the one that is meant: of
             `cancel` by when it was asked for, of pause, resume, end and over by its beginning; of `over` 7 is how many
             records were read, or ''
        8 what else narrows it or holds it back, as JSON, or ''; of `over` how many went onto the queue, or ''
        9 whether it has ids, 1 or ''  10 origin
  Output how many requests changed ]]
local replays, log, lifecycle, ids, past, answer = unpack(KEYS)
local now, what, stream, by, why = clock(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local function begin(waiting, packed)
  local request, before = cjson.decode(packed), redis.call('HGET', replays, 'began:' .. waiting)
  -- Two that begin in the same millisecond are two.
  local last = before and cjson.decode(before).began or 0
  request.began = math.max(now, last + 1)
  if before then
    local last_one = cjson.decode(before)
    if last_one.ended then request.anew = true end
    last_one.stream = waiting
    redis.call('LPUSH', past, cjson.encode(last_one))
    redis.call('LTRIM', past, 0, 19)
  end
  redis.call('HSET', replays, 'began:' .. waiting, cjson.encode(request))
  redis.call('HDEL', replays, 'asked:' .. waiting)
end

if what == 'begin' then
  local life = redis.call('HMGET', lifecycle, 'state', 'generation')
  if stream ~= '' and (life[1] ~= 'STARTING' or life[2] ~= stream) then return 0 end
  local fields, begun = redis.call('HGETALL', replays), 0
  for i = 1, #fields, 2 do
    local waiting = string.match(fields[i], '^asked:(.*)$')
    if waiting then
      begin(waiting, fields[i + 1])
      begun = begun + 1
    end
  end
  return begun
end

if what ~= 'over' and redis.call('EXISTS', answer) == 1 then return 1 end
local field, meant, changed = 'began:' .. stream, tonumber(ARGV[6]), 0
if what == 'ask' then
  changed = redis.call('HSETNX', replays, 'asked:' .. stream, cjson.encode({
    asked = now, by = by, why = why, since = tonumber(ARGV[6]), ['until'] = tonumber(ARGV[7]), only = ARGV[8]}))
  if changed == 1 and ARGV[9] ~= '' then redis.call('PERSIST', ids) end
elseif what == 'now' then
  local waiting = redis.call('HGET', replays, 'asked:' .. stream)
  if waiting and redis.call('HGET', lifecycle, 'state') == RUNNING then
    begin(stream, waiting)
    changed = 1
  end
elseif what == 'cancel' then
  local waiting = redis.call('HGET', replays, 'asked:' .. stream)
  if waiting and cjson.decode(waiting).asked == meant then changed = redis.call('HDEL', replays, 'asked:' .. stream) end
else
  local packed = redis.call('HGET', replays, field)
  local begun = packed and cjson.decode(packed)
  if begun and not begun.ended and begun.began == meant then
    if what == 'over' and not begun.over then
      begun.over, begun.read, begun.queued = now, tonumber(ARGV[7]), tonumber(ARGV[8])
      redis.call('HSET', replays, field, cjson.encode(begun))
    end
    if what == 'end' then begun.ended, changed = now, 1 end
    if what == 'pause' and not begun.paused then begun.paused, changed = now, 1 end
    if what == 'resume' and begun.paused then begun.paused, changed = nil, 1 end
    if changed == 1 then redis.call('HSET', replays, field, cjson.encode(begun)) end
  end
end
if changed == 1 then
  if ARGV[9] ~= '' and (what == 'cancel' or what == 'end') then redis.call('UNLINK', ids) end
  redis.call('SET', answer, 1, 'EX', ANSWER_KEPT)
  redis.call('XADD', log, 'MAXLEN', '~', 10000, '*', 'at', now, 'by', by, 'action', 'replay ' .. what, 'stream', stream,
    'why', why, 'origin', ARGV[10])
end
return changed
