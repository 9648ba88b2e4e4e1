--[[ revise: saves a configuration as the next revision.
  Guarantees: revisions are numbered without a gap and never change; two people who edit at once cannot overwrite each other.
  KEYS  1 revisions  2 log
  ARGV  1 now or ''  2 the newest revision the editor saw  3 by  4 why  5 document  6 origin
  Output the new number, or -1 if the newest revision is another ]]
local newest = redis.call('HLEN', KEYS[1])
if newest ~= tonumber(ARGV[2]) then return -1 end
local now = clock(ARGV[1])
redis.call('HSET', KEYS[1], newest + 1, cjson.encode({
  at = now, by = ARGV[3], why = ARGV[4], document = ARGV[5], origin = ARGV[6]}))
redis.call('XADD', KEYS[2], 'MAXLEN', '~', 10000, '*', 'at', now, 'by', ARGV[3], 'action', 'edit', 'revision', newest + 1,
  'why', ARGV[4], 'origin', ARGV[6])
return newest + 1
