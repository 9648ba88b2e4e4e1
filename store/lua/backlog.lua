--[[ backlog: how much waits, and for how long.
  Guarantees: all of it is of one moment, however records move from place to place meanwhile; nothing is changed; the
  cost does not grow with what waits.
  KEYS  1 records  2 ready  3 replay  4 delayed  5 leases  6 tried  7 dead  8 parked
  ARGV  1 now or '', as for every verb; nothing is told by it  2 how many ids of parked records at most, the first ones
  Output {in all, leased, delayed, parked, dead, oldest or false, oldest in the lanes or false, ids of parked records}
    both in ms since 1970 ]]
local records, ready, replay, delayed, leases, tried, dead, parked = unpack(KEYS)
local _, oldest, standing

local function earlier(one, other) return one and other and math.min(one, other) or one or other end

-- Records that were never leased stand in the order they came; those that were, or that changed their lane, are also
-- listed in `tried`.
local first = redis.call('LINDEX', ready, 0)
local record = first and redis.call('HGET', records, first)
if record then _, standing = head_of(record) end
standing = earlier(standing, tonumber(redis.call('ZRANGE', replay, 0, 0, 'WITHSCORES')[2]))
oldest = earlier(standing, tonumber(redis.call('ZRANGE', tried, 0, 0, 'WITHSCORES')[2]))

local ids = {}
if ARGV[2] ~= '0' then ids = redis.call('ZRANGE', parked, 0, tonumber(ARGV[2]) - 1) end
return {redis.call('HLEN', records), redis.call('ZCARD', leases), redis.call('ZCARD', delayed),
  redis.call('ZCARD', parked), redis.call('HLEN', dead), oldest or false, standing or false, ids}
