--[[ share: a process that sends to a target asks how many requests it may have under way at once.
  Guarantees: all shares together, and what is still under way of larger ones, never exceed the ceiling, also while
  processes come and go; they follow a limit that the target sets by how it answers, and that each process has an equal
  part of, but at least one request.
  Of more processes than the ceiling allows for, some have none, in turns.
  KEYS  1 shares: limit, cut_at, and of each process "<until, ms> <share, or what is under way if that is more>"
  ARGV  1 now or ''  2 who asks  3 ceiling  4 the limit to begin with  5 '1': all of its share was in use
        6 '1': the target is congested  7 for how long the answer counts, ms  8 how many requests of it are under way
  Output how many ]]
local CUT_MS, TURN_MS = 1000, 5000
local now, who, ceiling, valid = clock(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[7])
local limit, cut_at, theirs, members, rank = tonumber(ARGV[4]), 0, 0, 1, 0
local kept = redis.call('HGETALL', KEYS[1])
for i = 1, #kept, 2 do
  local field, value = kept[i], kept[i + 1]
  if field == 'limit' then limit = tonumber(value)
  elseif field == 'cut_at' then cut_at = tonumber(value)
  elseif field ~= who then
    local ends, share = string.match(value, '^(%d+) (%d+)$')
    -- What lasts longer than anything can is of before the clock was set back.
    if tonumber(ends) <= now or tonumber(ends) > now + valid then redis.call('HDEL', KEYS[1], field)
    else
      members, theirs = members + 1, theirs + tonumber(share)
      if field < who then rank = rank + 1 end
    end
  end
end
limit = math.min(limit, ceiling)
if ARGV[6] == '1' then
  -- Once for all who tell of the same congestion.
  if math.abs(now - cut_at) >= CUT_MS then
    limit, cut_at = math.max(1, limit * 2 / 3), now
  end
elseif ARGV[5] == '1' then
  -- By a half until it was too much for the first time (slow start), then by one, of which each adds its part.
  limit = math.min(ceiling, limit + (cut_at == 0 and limit / 2 or 1) / members)
end
local whole = math.floor(limit)
local share = math.floor(whole / members)
if rank < whole % members then share = share + 1 end
if members <= ceiling then share = math.max(1, share)
elseif (rank + math.floor(now / TURN_MS)) % members >= ceiling then share = 0
else share = 1 end
share = math.max(0, math.min(share, ceiling - theirs))
redis.call('HSET', KEYS[1], 'limit', string.format('%.3f', limit), 'cut_at', string.format('%.0f', cut_at),
  who, string.format('%.0f %d', now + valid, math.max(share, tonumber(ARGV[8]))))
redis.call('PEXPIRE', KEYS[1], 60000)
return share
