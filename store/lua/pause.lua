--[[ pause: a target asked for silence; everyone waits.
  Guarantees: a later pause never shortens an earlier one.
  KEYS  1 throttle
  ARGV  1 now or ''  2 for how long, ms
  Output until when, ms ]]
local ends = clock(ARGV[1]) + tonumber(ARGV[2])
local paused = tonumber(redis.call('HGET', KEYS[1], 'paused_until') or 0)
if ends > paused then redis.call('HSET', KEYS[1], 'paused_until', ends) else ends = paused end
return ends
