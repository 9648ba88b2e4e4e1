"""No child is sent before its parent, and none is forgotten, however the work of several workers is interleaved."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from redis import Redis

from tests.integration.store.family_machine import FamilyMachine
from tests.integration.store.planting import planted

SOUND = settings(
    max_examples=100,
    stateful_step_count=40,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)

# The same seed every time, and no shrinking: a plant must be found, not explained.
PLANTED = settings(SOUND, max_examples=400, derandomize=True, phases=[Phase.generate])

PLANTS = {
    "a parent that was written releases nobody": (
        "settle",
        "(outcome == 'w' or outcome == 'u') and tonumber",
        "outcome == 'u' and tonumber",
    ),
    "the ledger is not looked at when a record is parked": (
        "settle",
        "(newer[i] == 1 or is_present(redis.call('HGET', KEYS[17 + i], x))) then",
        "newer[i] == 1 then",
    ),
    "a parent knows the children of one stream only": (
        "settle",
        "parent, children .. stream .. ' ')",
        "parent, ' ' .. stream .. ' ')",
    ),
    "a stream takes the children of a longer name for its own": (
        "settle",
        "and not string.find(children, ' ' .. stream .. ' ', 1, true) then",
        "and not string.find(children, ' ' .. stream, 1, true) then",
    ),
    "a stream takes the released parents of others": ("lease", "'[' .. prefix, '(' .. stream .. '!'", "'-', '+'"),
    "a parent is mistaken for one whose name goes on": (
        "lease",
        "'[' .. parent .. '\\0', '(' .. parent .. '\\1'",
        "'[' .. parent, '(' .. parent .. '~'",
    ),
    "a parent of another stream is released under the child's": (
        "settle",
        "child .. ' ' .. stream .. ' ' .. ids[i])",
        "child .. ' ' .. child .. ' ' .. ids[i])",
    ),
    "a record is confirmed without its ledger entry": (
        "settle",
        "if (outcome == 'w' or outcome == 'u') and y ~= '' then redis.call('HSET', KEYS[17 + i], x, y) end",
        "",
    ),
    "nobody is ever parked": (
        "settle",
        "return entry and string.byte(entry) == 1 end",
        "return true end",
    ),
}


def test_no_child_precedes_its_parent_and_none_is_forgotten(redis: Redis) -> None:
    class Machine(FamilyMachine):
        def __init__(self) -> None:
            super().__init__(redis)

    run_state_machine_as_test(Machine, settings=SOUND)


@pytest.mark.parametrize("redis_url", ["embedded"], indirect=True)
@pytest.mark.parametrize("bug", PLANTS)
def test_the_machine_finds_a_planted_bug(redis: Redis, bug: str) -> None:
    # Given one verb with a bug in it
    verb, right, wrong = PLANTS[bug]

    class Machine(FamilyMachine):
        def __init__(self) -> None:
            super().__init__(redis, planted(verb, right, wrong))

    # When the same machine plays with it, Then it fails
    with pytest.raises(Exception) as failure:
        run_state_machine_as_test(Machine, settings=PLANTED)
    # And not because the plant itself is stale
    assert "renew this plant" not in str(failure.value)
