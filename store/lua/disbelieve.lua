--[[ disbelieve: what was confirmed of records is not what the target holds now; their next version is to be written.
  Guarantees: of a record that is present the fingerprint alone is blanked, where it stands, so that what is settled at the
  same time stays; entries that say anything else are left as they are, and none is made.
  KEYS  1 the first record's ledger bucket, and so on for each record (at most 500)
  ARGV  1 now or '', as for every verb; nothing is told by it  then every ledger field
  Output how many entries are disbelieved ]]
local PRESENT = 1  -- as `Standing` has it

local many = 0
for i, bucket in ipairs(KEYS) do
  local field = ARGV[1 + i]
  local entry = redis.call('HGET', bucket, field)
  if entry and string.byte(entry) == PRESENT then
    redis.call('HSET', bucket, field, disbelieved(entry))
    many = many + 1
  end
end
return many
