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
    "settle believes any token": ("settle", "if (holder ~= alone and holder ~= followed) or ", "if not holder or "),
    "settle looks at the first lease only": ("settle", "if any_over then ends", "if any_over and #ids < 2 then ends"),
    "settle believes a lease that has run out": ("settle", " or (any_over and tonumber(ends[i]) <= now) then", " then"),
    "reap forgets the record": (
        "reap",
        "    give_back(ready, replay, id, queued, lane)\n",
        "",
    ),
    "an older version replaces a newer one": ("put_page", "if version > old then", "if version ~= old then"),
    "put lists a record that is leased": (
        "put_page",
        "redis.call('HSET', owners, id, holder .. ' n')",
        "redis.call('HSET', owners, id, holder .. ' n') listed[#listed + 1] = id",
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
    "renew works for any token": ("renew", "if holder == ARGV[3] and ends > now", "if holder and ends > now"),
    "renew revives a lease that has run out": ("renew", " and ends > now then", " then"),
    "a newer version that came in flight is forgotten": ("settle", "newer = holder == followed", "newer = false"),
    "the mark of a newer version is lost": ("put_page", "holder .. ' n'", "holder"),
    "the mark of a newer version outlives its lease": (
        "settle",
        "redis.call('HDEL', owners, unpack(believed))",
        "for _, id in ipairs(believed) do if redis.call('HGET', owners, id) == ARGV[2] then "
        "redis.call('HDEL', owners, id) end end",
    ),
    "a refusal buries the newer version too": (
        "settle",
        "    elseif newer then",
        "    elseif newer and outcome ~= 'd' then",
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
    "a second newer version begins a new wait": ("put_page", "if holder and mark == '' then", "if holder then"),
    "deaths are not counted": ("reap", "deaths = deaths + 1", "deaths = 0"),
    "put goes on above the high-water mark": ("put_page", ">= tonumber(ARGV[5]) then", "> 1000 then"),
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
