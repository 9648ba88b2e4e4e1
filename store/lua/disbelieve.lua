--[[ disbelieve: what was confirmed of records is not what the target holds now; their next version is to be written.
  Guarantees: of a record that is present the fingerprint alone is blanked, where it stands, so that what is settled at the
  same time stays; entries that say anything else are left as they are, and none is made.
  KEYS  1 the first record's ledger bucket, and so on for each record (at most 500)
  ARGV  1 now or '', as for every verb; nothing is told by it  then every ledger field
  Output how many entries are disbelieved ]]
-- As `Entry` is packed: the standing, the version, the time, then the fingerprint, of which 8 bytes are the values'.
local PRESENT, HEAD, PRINT = 1, 13, 8

local disbelieved = 0
for i, bucket in ipairs(KEYS) do
  local field = ARGV[1 + i]
  local entry = redis.call('HGET', bucket, field)
  if entry and string.byte(entry) == PRESENT then
    local blank = string.rep('\0', PRINT)
    redis.call('HSET', bucket, field, string.sub(entry, 1, HEAD) .. blank .. string.sub(entry, HEAD + PRINT + 1))
    disbelieved = disbelieved + 1
  end
end
return disbelieved
