--[[ revise: saves a configuration as the next revision.
  Guarantees: revisions are numbered without a gap and never change; two people who edit at once cannot overwrite each other.
  Asked again, since an answer was lost, it says once more under which number it was saved.
  KEYS  1 revisions  2 log
  ARGV  1 now or ''  2 the newest revision the editor saw  3 by  4 why  5 document  6 origin
        7 what tells this saving from all others
  Output the new number, or -1 if the newest revision is another ]]
local newest, seen = redis.call('HLEN', KEYS[1]), tonumber(ARGV[2])
if newest ~= seen then
  -- The client sends it once more where a connection broke off before the answer.
  local saved = redis.call('HGET', KEYS[1], seen + 1)
  return saved and cjson.decode(saved).saving == ARGV[7] and seen + 1 or -1
end
local now = clock(ARGV[1])
redis.call('HSET', KEYS[1], newest + 1, cjson.encode({
  at = now, by = ARGV[3], why = ARGV[4], document = ARGV[5], origin = ARGV[6], saving = ARGV[7]}))
redis.call('XADD', KEYS[2], 'MAXLEN', '~', 10000, '*', 'at', now, 'by', ARGV[3], 'action', 'edit', 'revision', newest + 1,
  'why', ARGV[4], 'origin', ARGV[6])
return newest + 1
