--[[ transition: the one door through which a workflow's state changes.
    start  STOPPED, FAILED            -> STARTING   raises the generation, makes a revision active; ends its troubles
    run    STARTING                   -> RUNNING    only when no lease of an earlier generation is alive; ends its troubles
    fail   STARTING, RUNNING          -> FAILED     keeps the reason
    stop   STARTING, RUNNING          -> STOPPED    raises the generation; what has failed does not run
  Guarantees: compare-and-set; who, when, from where and why are recorded with the change; run and fail count only in their generation.
  KEYS  1 lifecycle  2 log  3 trouble  4.. the batches of every stream
  ARGV  1 now or ''  2 arrow  3 generation ('' for start and stop)  4 by  5 why  6 revision ('' unless start)  7 origin
        8 the only state in which it counts, or ''  9.. places of trouble that is not the workflow's own
  Output {code, state, generation}
    code 1 changed, 0 already so, -1 generation over, -2 no such arrow from this state, -3 earlier leases are alive ]]
local lifecycle, log, trouble = KEYS[1], KEYS[2], KEYS[3]
local now, arrow, by, why = clock(ARGV[1]), ARGV[2], ARGV[4], ARGV[5]
local ARROWS = {
  start = {to = 'STARTING', from = {STOPPED = true, FAILED = true}, already = {STARTING = true, RUNNING = true}},
  run = {to = 'RUNNING', from = {STARTING = true}, already = {RUNNING = true}},
  fail = {to = 'FAILED', from = {STARTING = true, RUNNING = true}, already = {FAILED = true}},
  stop = {to = 'STOPPED', from = {STARTING = true, RUNNING = true}, already = {STOPPED = true, FAILED = true}},
}

local life = redis.call('HMGET', lifecycle, 'state', 'generation')
local state, generation = life[1] or 'STOPPED', tonumber(life[2] or 0)
local rule = ARROWS[arrow]
if ARGV[3] ~= '' and tonumber(ARGV[3]) ~= generation then return {-1, state, generation} end
if rule.already[state] then return {0, state, generation} end
if not rule.from[state] or (ARGV[8] ~= '' and ARGV[8] ~= state) then return {-2, state, generation} end
if arrow == 'run' then
  for i = 4, #KEYS do
    if redis.call('ZCOUNT', KEYS[i], '(' .. string.format('%.0f', now), '+inf') > 0 then return {-3, state, generation} end
  end
end

if arrow == 'start' or arrow == 'stop' then generation = generation + 1 end
redis.call('HSET', lifecycle, 'state', rule.to, 'generation', generation, 'since', now)
-- Who started it and why stays to be seen while it runs; that the checks have passed is told by the state.
if arrow ~= 'run' then redis.call('HSET', lifecycle, 'by', by, 'why', why) end
if arrow == 'start' then redis.call('HSET', lifecycle, 'revision', ARGV[6]) end
-- What an earlier run, or this start, waited for is over. In the same step: what is noted from now on stays.
if arrow == 'start' or arrow == 'run' then
  local beside = {}
  for i = 9, #ARGV do beside[ARGV[i]] = true end
  for _, where in ipairs(redis.call('HKEYS', trouble)) do
    if not beside[where] then redis.call('HDEL', trouble, where) end
  end
end
redis.call('XADD', log, 'MAXLEN', '~', 10000, '*', 'at', now, 'by', by, 'action', arrow, 'from', state, 'to', rule.to,
  'generation', generation, 'why', why, 'origin', ARGV[7])
return {1, rule.to, generation}
