--[[ decide: a writer keeps what it now remembers of a contact, and what it decided, before it sends any request.
  Guarantees: memory and decisions are kept together or not at all; a decision is open from now on and found by its contact,
  or, where nothing is to be written, in the record at once; what was made from a memory that another writer has replaced
  meanwhile changes nothing; a call that is repeated changes nothing more.
  KEYS  1 the contact's bucket of memories  2 open decisions  3 contacts with open decisions  4 tallies  5 decisions
  ARGV  1 now or ''  2 the contact's field  3 its memory  4 the memory that it was made from: '*' any, '-' none, '=' and
        the memory  5 how many decisions  then the number of each, what was decided in each, its rule, and '' or, where
        nothing is to be written, what stands in front of it in the record
  Output 1 kept, 0 kept by an earlier call, -1 the memory is another by now ]]
local memories, open, contacts, tallies, decisions = unpack(KEYS)
local now, contact, memory, from, many = clock(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])

-- Whether this is the contact's last closed decision.
local function is_last(place, decided)
  if #place == 1 then return false end
  local high, low, number = struct.unpack('>I2I4I4', string.sub(place, 2))
  local id = string.format('%.0f-%.0f', high * 2^32 + low, number)
  local found = redis.call('XRANGE', decisions, id, id)
  return #found > 0 and string.sub(found[1][2][2], -#decided) == decided
end

local place, before = remembered(redis.call('HGET', memories, contact))
local kept = many == 0 and before == memory
if many > 0 then
  local number, decided, closing = ARGV[5 + many], ARGV[5 + 2 * many], ARGV[5 + 4 * many]
  if closing == '' then kept = redis.call('HEXISTS', open, number) == 1 else kept = is_last(place, decided) end
end
if kept then return 0 end
if from ~= '*' and from ~= (before and '=' .. before or '-') then return -1 end

local numbers = {redis.call('HGET', contacts, contact) or nil}
for i = 1, many do
  local number, decided, closing = ARGV[5 + i], ARGV[5 + many + i], ARGV[5 + 3 * many + i]
  if closing == '' then
    redis.call('HSET', open, number, decided)
    numbers[#numbers + 1] = number
  else
    place = enter(decisions, tallies, now, place, closing, decided)
  end
  redis.call('HINCRBY', tallies, 'rule:' .. ARGV[5 + 2 * many + i], 1)
end
if #numbers > 0 then redis.call('HSET', contacts, contact, table.concat(numbers, ' ')) end
if many > 0 then
  redis.call('HINCRBY', tallies, 'decided', many)
  redis.call('HSET', tallies, 'decided_ms', now)
end
redis.call('HSET', memories, contact, place .. memory)
return 1
