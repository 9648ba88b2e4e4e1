"""No child is written before its parent, whatever happens in whatever order, and everything is written in the end."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from redis import Redis

from store import ledger
from store.record_queue import Parent
from store.store import WorkflowStore
from sync import comparing, reading, relatives, writing
from sync.streams import Send
from tests.integration.store.planting import planted
from tests.integration.sync.family import TABLES, Family
from tests.integration.sync.interleaving import Interleaving, expected, steps

SOUND = settings(
    max_examples=120,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    phases=[Phase.generate],
)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    # The pretended changes show at once, and tokens may die more often than in life.
    monkeypatch.setattr(relatives, "DELAY_MS", 0)
    monkeypatch.setattr(reading, "FULL_READ_EVERY_MS", 0)
    monkeypatch.setattr(writing, "OUTAGES_TOO_MANY", 1000)
    # A small ledger is walked through quickly.
    monkeypatch.setattr(ledger, "LEDGER_BUCKETS", 16)
    monkeypatch.setattr(comparing, "LEDGER_BUCKETS", 16)
    monkeypatch.setattr(comparing, "BUCKETS", 8)


def play(redis: Redis, drawn: list[tuple[object, ...]]) -> None:
    family = Family(redis, page_size=2)
    interleaving = Interleaving(family)
    for step in drawn:
        interleaving.play(step)
    interleaving.settle()
    # No write ever led to a parent that was not there, and no parent went before its children
    assert [event for event in family.campaign.events if event.missing or event.orphaned] == []
    # And everything is written, nothing more, and nothing was set aside
    assert {table: family.held(table) for table in TABLES} == expected(family)
    assert [family.dead(table) for table in TABLES] == [{}, {}, {}]


@settings(SOUND)
@given(drawn=steps)
def sound(redis: Redis, drawn: list[tuple[object, ...]]) -> None:
    play(redis, drawn)


def test_no_child_is_ever_written_before_its_parent_and_everything_is_written_in_the_end(
    redis: Redis, quick: None
) -> None:
    sound(redis)


# The same sequences every time, and no shrinking: a plant must be found, not explained.
PLANTED = settings(SOUND, max_examples=400, derandomize=True, phases=[Phase.generate])


def nobody_is_missed() -> AbstractContextManager[object]:
    return mock.patch.object(writing, "missing_parents", lambda store, sends: {})


def no_deletion_waits() -> AbstractContextManager[object]:
    return mock.patch.object(writing, "may_be_deleted", lambda *_: True)


def only_the_first_parent_counts() -> AbstractContextManager[object]:
    sound_one = relatives.missing_parents

    def careless(store: WorkflowStore, sends: Sequence[Send]) -> dict[str, Parent]:
        return sound_one(store, [replace(send, parents=send.parents[:1]) for send in sends])

    return mock.patch.object(writing, "missing_parents", careless)


PLANTS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "parents are not looked for": nobody_is_missed,
    "only the first parent is looked for": only_the_first_parent_counts,
    "a parent is deleted before its children": no_deletion_waits,
    "a record is parked although its parent came meanwhile": lambda: planted(
        "settle", "if outcome == 'p' and (newer[i] == 1 or is_present(redis.call('HGET', KEYS[17 + i], x))) then",
        "if outcome == 'p' and newer[i] == 1 then",
    ),
    "a confirmed parent releases nobody": lambda: planted(
        "settle", "redis.call('ZADD', released, 0, child", "redis.call('ZADD', released .. 'x', 0, child"
    ),
}  # fmt: skip


@pytest.mark.parametrize("redis_url", ["embedded"], indirect=True)
@pytest.mark.parametrize("plant", PLANTS)
def test_the_interleavings_find_planted_bugs(redis: Redis, quick: None, plant: str) -> None:
    @PLANTED
    @given(drawn=steps)
    def found(drawn: list[tuple[object, ...]]) -> None:
        play(redis, drawn)

    # Given a broken promise, when interleavings are played, then one of them tells
    with PLANTS[plant](), pytest.raises(AssertionError):
        found()
