--[[ place_cursor: an operator puts a reading position in place of the one that is there.
  Guarantees: only while the workflow is stopped or has failed, and only in place of the cursor that was looked at; no
  reader that began before can store a page behind it; who did it, and why, is recorded in the same step.
  Asked again, since an answer was lost, it says once more that it is done.
  KEYS  1 lifecycle  2 cursor  3 streams  4 log
  ARGV  1 now or ''  2 number of the cursor that was looked at  3 the new position  4 stream  5 by  6 why  7 origin
        8 what tells this placing from all others
  Output 1 placed, -1 the workflow starts or runs, -2 the cursor has moved on ]]
local lifecycle, cursor, streams, log = unpack(KEYS)
-- The client sends it once more where a connection broke off before the answer.
if redis.call('HGET', cursor, 'placing') == ARGV[8] then return 1 end
local state = redis.call('HGET', lifecycle, 'state')
if state == 'STARTING' or state == RUNNING then return -1 end
local number = redis.call('HGET', cursor, 'number') or '0'
if number ~= ARGV[2] then return -2 end
local now = clock(ARGV[1])
redis.call('HSET', cursor, 'number', tonumber(number) + 1, 'value', ARGV[3], 'at', now, 'placing', ARGV[8])
redis.call('SADD', streams, ARGV[4])
redis.call('XADD', log, 'MAXLEN', '~', 10000, '*', 'at', now, 'by', ARGV[5], 'action', 'state set', 'stream', ARGV[4],
  'why', ARGV[6], 'origin', ARGV[7])
return 1
