"""The record queue keeps its promises in whatever order things happen; and the machine that says so finds bugs."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from redis import Redis

from tests.integration.store.planting import planted
from tests.integration.store.queue_machine import QueueMachine

SOUND = settings(
    max_examples=100,
    stateful_step_count=50,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)

# The same seed every time, and no shrinking: a plant must be found, not explained.
PLANTED = settings(SOUND, max_examples=400, derandomize=True, phases=[Phase.generate])

PLANTS = {
    "settle believes any batch": ("settle", "if tonumber(holders[i]) ~= mine then", "if not holders[i] then"),
    "settle believes a lease that has run out": ("settle", "if not ends or tonumber(ends) <= now", "if not ends"),
    "settle ends the lease of the whole batch": ("settle", "number, number) == held then", "number, number) > 0 then"),
    "settle leaves an empty batch behind": ("settle", "    redis.call('ZREM', batches, number)\n", ""),
    "reap ends other leases too": (
        "reap",
        "local ids = redis.call('ZRANGEBYSCORE', leases, number, number)",
        "local ids = redis.call('ZRANGE', leases, 0, -1)",
    ),
    "reap forgets the record": (
        "reap",
        "      give_back(ready, replay, id, queued, lane)\n",
        "",
    ),
    "an older version replaces a newer one": (
        "put_page",
        "if version > old or version == old and",
        "if version ~= old or version == old and",
    ),
    "put lists a record that is leased": (
        "put_page",
        "queued = now\n",
        "queued = now listed[#listed + 1] = id\n",
    ),
    "a page is stored without its cursor": ("put_page", "if ARGV[4] ~= '' then", "if false then"),
    "a cursor is stored without its page": (
        "put_page",
        "if #changes > 0 then redis.call('HSET', records, unpack(changes)) end",
        "if ARGV[4] ~= '' then listed = {} elseif #changes > 0 then redis.call('HSET', records, unpack(changes)) end",
    ),
    "a page is stored from a cursor that moved on": (
        "put_page",
        "~= ARGV[3] then return {-2, 0, 0, 0} end",
        "== 0 then end",
    ),
    "put works for a generation that is over": (
        "put_page",
        " or life[2] ~= ARGV[2] then return {-1, 0, 0, 0} end",
        " then return {-1, 0, 0, 0} end",
    ),
    "lease works for a generation that is over": ("lease", " or life[2] ~= ARGV[2] then return {-1} end", " then end"),
    "lease works while the workflow is not running": ("lease", "if life[1] ~= RUNNING or ", "if "),
    "lease lets delayed records wait for ever": ("lease", "if #due > 0 then", "if false then"),
    "lease keeps the records it gives listed": (
        "lease",
        "redis.call('LPOP', ready, wanted) or {}",
        "redis.call('LRANGE', ready, 0, wanted - 1)",
    ),
    "replayed records go before live ones": (
        "lease",
        "local ids = redis.call('LPOP', ready, wanted) or {}",
        "local ids = redis.call('ZCARD', replay) == 0 and redis.call('LPOP', ready, wanted) or {}",
    ),
    "renew revives a batch that is over": ("renew", "if not ends or tonumber(ends) <= now", "if false"),
    "renew revives a lease that has run out": ("renew", "if not ends or tonumber(ends) <= now", "if not ends"),
    "renew works for a generation that is over": ("renew", " or life[2] ~= ARGV[2] then return -1 end", " then end"),
    "a newer version that came in flight is forgotten": (
        "settle",
        "if any_followed then newer =",
        "if false then newer =",
    ),
    "the mark of a newer version outlives its lease": (
        "settle",
        "if any_followed then redis.call('SREM'",
        "if false then redis.call('SREM'",
    ),
    "the mark of a newer version outlives its holder": ("reap", "  redis.call('SREM', followed, unpack(ids))\n", ""),
    "a refusal buries the newer version too": (
        "settle",
        "    elseif newer[i] == 1 then",
        "    elseif newer[i] == 1 and outcome ~= 'd' then",
    ),
    "a live change leaves its record in the replay lane": (
        "put_page",
        "if old_lane == 'r' and lane == 'l' then",
        "if false then",
    ),
    "the age of the oldest begins anew with every lease": (
        "lease",
        "redis.call('ZADD', tried, 'NX', unpack(old))",
        "for i = 1, #old, 2 do redis.call('ZADD', tried, now, old[i + 1]) end",
    ),
    "a refused generation changes something": (
        "put_page",
        "if life[1] ~= RUNNING or life[2] ~= ARGV[2] then return",
        "if life[1] ~= RUNNING or life[2] ~= ARGV[2] then redis.call('HINCRBY', cursor, 'number', 1) return",
    ),
    "a second newer version begins a new wait": (
        "put_page",
        "and redis.call('SADD', followed, id) == 1 then",
        "and redis.call('SADD', followed, id) then",
    ),
    "deaths are not counted": ("reap", "deaths = deaths + 1", "deaths = 0"),
    "put goes on above the high-water mark": ("put_page", ">= tonumber(ARGV[5]) then", "> 1000 then"),
    "what a full read brings in the same version is skipped": (
        "put_page",
        "or version == old and lane == 'r' then",
        "then",
    ),
    "a page of changes replaces what waits in the same version": (
        "put_page",
        "or version == old and lane == 'r' then",
        "or version == old then",
    ),
    "a newer version stays parked": ("put_page", "if any_parked and", "if false and"),
    "rows that were filtered out are not counted": ("put_page", "'filtered', tonumber(ARGV[8])", "'filtered', 0"),
    "what was fetched outside reading moves the cursor": (
        "put_page",
        "if ARGV[4] ~= '' then",
        "if ARGV[4] ~= '' or ARGV[3] == '' then",
    ),
    "what is filtered out takes a newer version along": (
        "settle",
        "    elseif newer[i] == 1 then",
        "    elseif newer[i] == 1 and outcome ~= 'f' then",
    ),
    "a record is parked although its parent is there": (
        "settle",
        "(newer[i] == 1 or is_present(redis.call('HGET', KEYS[17 + i], x))) then",
        "newer[i] == 1 then",
    ),
    "a record is parked although a newer version came": (
        "settle",
        "'p' and (newer[i] == 1 or is_present",
        "'p' and (is_present",
    ),
    "a record is not parked for a parent that was deleted": (
        "settle",
        "return entry and string.byte(entry) == 1 end",
        "return entry end",
    ),
    "a confirmed parent releases nobody": (
        "settle",
        "if held > 0 and redis.call('EXISTS', awaited) == 1 then",
        "if false then",
    ),
    "a parent that nobody confirmed releases its children": (
        "settle",
        "'u') and tonumber(holders[i]) == mine and is_present",
        "'u') and is_present",
    ),
    "a deleted parent releases its children": (
        "settle",
        "and is_present(ARGV[4 + 2 * many + i]) then",
        "then",
    ),
    "a parent is released for ever": ("settle", "      redis.call('HDEL', awaited, ids[i])\n", ""),
    "nobody is told of the parent that a record waits for": (
        "settle",
        "and not string.find(children, ' ' .. stream .. ' ', 1, true) then",
        "and false then",
    ),
    "lease leaves released records where they are": (
        "lease",
        "  local children = redis.call(",
        "  local children = {} or (",
    ),
    "lease takes more released records back than are wanted": ("lease", "left = left - #children", "left = wanted"),
    "lease forgets the children that it did not take back": ("lease", "  if left == 0 then break end\n", ""),
    "a record that was parked loses its age": ("lease", "  redis.call('ZADD', tried, unpack(begun))\n", ""),
    "unpark sets a record aside whose parent has come": (
        "unpark",
        " or redis.call('ZSCORE', released, stream .. ' ' .. parents[i]) then",
        " then",
    ),
    "unpark forgets the record": ("unpark", "if #back > 0 then append_all(", "if false then append_all("),
    "who does not hold a record says that it is sent": (
        "sending",
        "if tonumber(holders[i]) == mine then",
        "if true then",
    ),
    "who has lost the lease says that a record is sent": (
        "sending",
        "if not ends or tonumber(ends) <= now then",
        "if not ends then",
    ),
    "a record that is sent loses what was confirmed of it": (
        "sending",
        "string.sub(entry or unknown, 2)",
        "string.sub(unknown, 2)",
    ),
    "a record is taken for present while its deletion is sent": (
        "sending",
        "after = LEAVING .. string.sub(entry, 2)",
        "after = entry",
    ),
    "one that is not there is to leave": (
        "sending",
        "if entry and string.byte(entry) == PRESENT then after = LEAVING",
        "if entry then after = LEAVING",
    ),
    "what was confirmed of a record is believed while it changes": (
        "sending",
        "after = disbelieved(entry)",
        "after = entry",
    ),
    "a revived record stands in no lane": ("revive", "redis.call('RPUSH', ready, unpack(live))", ""),
    "a revived record keeps its letter": ("revive", "redis.call('HDEL', dead, unpack(gone))", ""),
    "a revived record changes its lane": ("revive", "if lane == 'l' then\n", "if lane then\n"),
    "a revived record loses its age": ("revive", "  redis.call('ZADD', tried, unpack(ages))\n", ""),
    "a letter is given up that came since it was looked at": (
        "drop",
        "if letter and string.match(letter, '^(%d+) ') == ARGV[i + 1] then",
        "if letter then",
    ),
    "an older version revives a dead letter": ("put_page", "if refused and (refused > version or ", "if refused and ("),
}


def test_the_queue_keeps_its_promises_whatever_happens_in_whatever_order(redis: Redis) -> None:
    class Machine(QueueMachine):
        def __init__(self) -> None:
            super().__init__(redis)

    run_state_machine_as_test(Machine, settings=SOUND)


@pytest.mark.parametrize("redis_url", ["embedded"], indirect=True)
@pytest.mark.parametrize("bug", PLANTS)
def test_the_machine_finds_a_planted_bug(redis: Redis, bug: str) -> None:
    # Given one verb with a bug in it
    verb, right, wrong = PLANTS[bug]

    class Machine(QueueMachine):
        def __init__(self) -> None:
            super().__init__(redis, planted(verb, right, wrong))

    # When the same machine plays with it, Then it fails
    with pytest.raises(Exception) as failure:
        run_state_machine_as_test(Machine, settings=PLANTED)
    # And not because the plant itself is stale
    assert "renew this plant" not in str(failure.value)
