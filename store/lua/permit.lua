--[[ permit: a worker asks for the right to send some requests to a target that all workers share.
  Guarantees: together the workers stay below the target's rate, and keep it busy for no longer than they may, as far as
  requests take what those before them took; nobody is let through while the target asked for a pause; who leaves some
  permits never takes the last ones, so that who leaves none finds one.
  KEYS  1 throttle
  ARGV  1 now or ''  2 requests per second (0: no limit)  3 burst  4 how many are wanted  5 how many are left
        6 seconds of work that the target may have in a second (0: no limit)  7 the seconds of it at once
        8 seconds of work that it has had beyond what this worker was charged with, or less than that if negative
        9 seconds of work that each of them is charged with
  Output {granted, wait ms, paused}   granted 0: ask again after the wait; paused 1: the target asked for it ]]
local now, rate, burst, wanted = clock(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local left = tonumber(ARGV[5])
local busy_rate, busy_burst, untold, charge = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local kept = redis.call('HMGET', KEYS[1], 'paused_until', 'tokens', 'at', 'work', 'work_at')
local work = busy_burst
if busy_rate > 0 then
  local since = math.max(0, now - tonumber(kept[5] or now))
  work = math.min(busy_burst, tonumber(kept[4] or busy_burst) + since * busy_rate / 1000)
  work = math.min(busy_burst, work - untold)
end
local function keep() if busy_rate > 0 then redis.call('HSET', KEYS[1], 'work', work, 'work_at', now) end end

local paused = tonumber(kept[1] or 0)
if paused > now then keep() return {0, paused - now, 1} end
if busy_rate > 0 then
  if work <= 0 then keep() return {0, math.ceil((0.001 - work) * 1000 / busy_rate), 0} end
  if charge > 0 then wanted = math.min(wanted, math.ceil(work / charge)) end
end
local granted, wait = wanted, 0
if rate > 0 then
  local passed = math.max(0, now - tonumber(kept[3] or now))  -- a clock that was set back costs nothing but time
  local tokens = math.min(burst, tonumber(kept[2] or burst) + passed * rate / 1000)
  granted = math.max(0, math.min(wanted, math.floor(tokens - left)))
  redis.call('HSET', KEYS[1], 'tokens', tokens - granted, 'at', now)
  if granted == 0 then wait = math.ceil((1 + left - tokens) * 1000 / rate) end
end
work = work - granted * charge
keep()
return {granted, wait, 0}
