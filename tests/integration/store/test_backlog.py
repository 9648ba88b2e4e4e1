"""The backlog is told as it is at one moment, whatever others do to the queue meanwhile."""

from collections.abc import Callable

import pytest
from redis import Redis

from store.keys import StreamKeys
from store.record_queue import Change, Lane, Parent, Parked, RecordQueue, Unchanged
from tests.integration.store.meanwhile import beside_asking

ACME = Parent("account", "acme")


@pytest.fixture
def put(queue: RecordQueue, generation: int) -> Callable[[str, int], object]:
    return lambda record_id, at: queue.feed(generation, [Change(record_id, at, b"")], Lane.LIVE, now_ms=at)


@pytest.fixture
def end_ann(queue: RecordQueue, generation: int) -> Callable[[], None]:
    """Another writer leases her, the oldest, and comes to her end."""

    def end() -> None:
        batch = queue.lease(generation, 1, 60_000, now_ms=3000)
        assert queue.settle(batch.number, [Unchanged("ann", None)], now_ms=3000) == set()

    return end


def test_the_oldest_that_waits_is_told_although_the_first_one_ends_just_then(
    redis: Redis,
    keys: StreamKeys,
    queue: RecordQueue,
    put: Callable[[str, int], object],
    end_ann: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given two records that wait
    put("ann", 1000)
    put("bob", 2000)
    # When another writer comes to the end of the first one while the queue is looked at
    asked = beside_asking(monkeypatch, redis, keys.records, end_ann)
    backlog = queue.backlog()
    # Then the other one is told, and how old it is
    assert asked() and (backlog.waiting, backlog.oldest_ms, backlog.lanes_ms) == (1, 2000, 2000)


def test_the_oldest_that_waits_is_told_although_the_first_one_is_queued_anew_just_then(
    redis: Redis,
    keys: StreamKeys,
    queue: RecordQueue,
    put: Callable[[str, int], object],
    end_ann: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given two records that wait
    put("ann", 1000)
    put("bob", 2000)

    def come_again() -> None:
        end_ann()
        put("ann", 4000)

    # When the first one comes to its end, and changes, while the queue is looked at
    asked = beside_asking(monkeypatch, redis, keys.records, come_again)
    # Then it does not make the other one look younger
    assert queue.backlog().oldest_ms == 2000 and asked()


def test_a_child_that_is_released_just_then_is_parked_or_waits(
    redis: Redis,
    keys: StreamKeys,
    queue: RecordQueue,
    generation: int,
    put: Callable[[str, int], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a child that waits for its parent
    put("ann", 1000)
    assert queue.settle(queue.lease(generation, 1, 60_000, 1000).number, [Parked("ann", ACME)], 1000) == set()
    assert queue.backlog_and_parked(10) == (queue.backlog(), ["ann"])
    # When it goes back to its lane while the queue is looked at
    asked = beside_asking(monkeypatch, redis, keys.parked, lambda: queue.unpark(["ann"], now_ms=2000))
    backlog, parked = queue.backlog_and_parked(10)
    # Then it counts in one of both, and is as old as it is
    assert asked() and (backlog.parked, parked) == (0, [])
    assert (backlog.waiting, backlog.oldest_ms) == (1, 1000)


def test_no_more_parked_records_are_named_than_were_asked_for(queue: RecordQueue, generation: int) -> None:
    # Given three that are parked, one after the other
    for at, record_id in enumerate(("eve", "ann", "bob"), start=1000):
        queue.feed(generation, [Change(record_id, 1, b"")], Lane.LIVE, now_ms=at)
        queue.settle(queue.lease(generation, 1, 60_000, at).number, [Parked(record_id, ACME)], at)
    # Then those that have waited for longest are named, and all are counted
    backlog, parked = queue.backlog_and_parked(2)
    assert (backlog.parked, parked) == (3, ["eve", "ann"])
    assert queue.backlog_and_parked(0) == (backlog, [])
