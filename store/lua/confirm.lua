--[[ confirm: how decisions came to their end, and what is remembered of their contact from then on.
  Guarantees: closed decisions leave `open` and enter the record in one step with the memory, each once; where none of
  them is open, somebody else has closed them, or an earlier call of this one, and the memory stays; so does a memory that
  is not the one that the new one was made from, and what is known of the end of decisions is entered all the same; the
  record's order is that of time, even if the clock was set back.
  KEYS  1 the contact's bucket of memories  2 open decisions  3 contacts with open decisions  4 tallies  5 decisions
  ARGV  1 now or ''  2 the contact's field  3 its memory  4 what stands in front of a closed decision  5 how it was
        confirmed  6 the memory that it was made from: '*' any, '=' and the memory; none is there: any, too
        then the number of each decision
  Output {how many were closed, 1 if the new memory is kept} ]]
local memories, open, contacts, tallies, decisions = unpack(KEYS)
local now, contact, memory, closing, how, from = clock(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local named, closes, left = {}, {}, {}
for i = 7, #ARGV do named[ARGV[i]] = true end
for number in string.gmatch(redis.call('HGET', contacts, contact) or '', '%d+') do
  local list = named[number] and closes or left
  list[#list + 1] = number
end
if #closes == 0 then return {0, 0} end

local place, before = remembered(redis.call('HGET', memories, contact))
for _, decided in ipairs(redis.call('HMGET', open, unpack(closes))) do
  place = enter(decisions, tallies, now, place, closing, decided)
end
redis.call('HINCRBY', tallies, how, #closes)
redis.call('HDEL', open, unpack(closes))
if #left > 0 then
  redis.call('HSET', contacts, contact, table.concat(left, ' '))
else
  redis.call('HDEL', contacts, contact)
end
local kept = from == '*' or not before or from == '=' .. before
redis.call('HSET', memories, contact, place .. (kept and memory or before))
return {#closes, kept and 1 or 0}
