--[[ known: what is remembered of contacts, and what was decided about them whose end is not known yet.
  Guarantees: memory and open decisions are of one moment, so that nobody takes what another writer is about to send for
  something that was never sent, because the memory is still that of before.
  KEYS  1 open decisions  2 contacts with open decisions  then each contact's bucket of memories
  ARGV  1 now or '', as for every verb; nothing is told by it  then the field of each contact
  Output for each contact {its memory as it stands or false, {{number, decided}, ...}} ]]
local open, contacts = KEYS[1], KEYS[2]

local known = {}
for i = 1, #ARGV - 1 do
  local contact, still_open = ARGV[1 + i], {}
  for number in string.gmatch(redis.call('HGET', contacts, contact) or '', '%d+') do
    still_open[#still_open + 1] = {number, redis.call('HGET', open, number)}
  end
  known[i] = {redis.call('HGET', KEYS[2 + i], contact), still_open}
end
return known
