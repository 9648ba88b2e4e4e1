"""No child is written before its parent, whatever happens in whatever order, and everything is written in the end."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from random import Random
from threading import Event
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from redis import Redis

from store import ledger
from store.record_queue import RecordQueue
from sync import batch_writer, sorting
from sync.tables import comparing, deletions
from sync.tables import reading as table_reading
from tests.integration.store.planting import planted
from tests.integration.sync.family import CONTACT, INVOICE, MEMBERSHIP, TABLES, Family
from tests.integration.sync.interleaving import IDS, Interleaving, expected, overtaken, steps

# Without shrinking, which would take longer than a test may: the sequence that failed is short enough to be read.
SOUND = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    phases=[Phase.generate],
)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    # The pretended changes show at once, and tokens may die more often than in life.
    monkeypatch.setattr(deletions, "DELAY_MS", 0)
    monkeypatch.setattr(table_reading, "FULL_READ_EVERY_MS", 0)
    monkeypatch.setattr(batch_writer, "OUTAGES_TOO_MANY", 1000)
    # A small ledger is walked through quickly.
    monkeypatch.setattr(ledger, "LEDGER_BUCKETS", 16)
    monkeypatch.setattr(comparing, "LEDGER_BUCKETS", 16)
    monkeypatch.setattr(comparing, "BUCKETS", 8)
    monkeypatch.setattr(comparing, "ENOUGH", 1)


def play(redis: Redis, drawn: list[tuple[object, ...]], restores: bool = False) -> None:
    family = Family(redis, page_size=2)
    interleaving = Interleaving(family, restores)
    for step in drawn:
        interleaving.play(step)
    interleaving.settle()
    # No write ever led to a parent that was not there, and no parent went before its children
    assert restores or [event for event in family.campaign.events if event.missing or event.orphaned] == []
    assert overtaken(family) == []
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


@settings(SOUND)
@given(drawn=steps)
def sound_with_restores(redis: Redis, drawn: list[tuple[object, ...]]) -> None:
    play(redis, drawn, restores=True)


def test_with_rows_that_are_restored_while_their_deletion_is_on_its_way_everything_is_written_in_the_end(
    redis: Redis, quick: None
) -> None:
    sound_with_restores(redis)


# The same sequences every time.
PLANTED = settings(SOUND, max_examples=200, derandomize=True)


def nobody_is_missed() -> AbstractContextManager[object]:
    return mock.patch.object(sorting, "awaiting_parents", lambda store, sends, beside: (sends, {}, []))


def no_deletion_waits() -> AbstractContextManager[object]:
    return mock.patch.object(deletions, "children_settled_ms", lambda *_: math.inf)


PLANTS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "parents are not looked for": nobody_is_missed,
    "a parent is deleted before its children": no_deletion_waits,
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


def test_a_parent_that_comes_while_its_child_is_being_parked_is_noticed(redis: Redis, quick: None) -> None:
    # Given a writer that has looked for a membership's contact when the contact is written, and then parks it
    parked_too_late: list[tuple[object, ...]] = [("born", 0, 0), ("overtake", MEMBERSHIP)]
    # Then it is written by itself, long before the limit
    play(redis, parked_too_late)
    # And without the look that parking takes itself, that would be missed
    look, no_look = "newer[i] == 1 or is_present(redis.call('HGET', KEYS[17 + i], x))", "newer[i] == 1"
    with planted("settle", look, no_look), pytest.raises(AssertionError, match="a wake-up was lost"):
        play(redis, parked_too_late)


def test_a_child_that_was_sent_and_never_confirmed_is_not_left_behind(redis: Redis, quick: None) -> None:
    # Given a membership that is in Campaign although nobody was told, and that waits for another contact by now
    first, second = IDS[CONTACT][:2]
    places = sorted([first, second])
    lost: list[tuple[object, ...]] = [
        ("put", CONTACT, 0, 0, 0), ("put", MEMBERSHIP, 0, 0, 5), ("work", CONTACT),
        ("read", MEMBERSHIP), ("lease", MEMBERSHIP, 1), ("fail", True), ("finish", 0),
        ("put", CONTACT, 1, 0, 0), ("put", MEMBERSHIP, 0, places.index(second), 5), ("work", MEMBERSHIP),
    ]  # fmt: skip
    # When its first contact's deletion is due before the other contact is written
    overtaken: list[tuple[object, ...]] = [
        ("remove", CONTACT, places.index(first)), ("read", CONTACT), ("read", MEMBERSHIP),
        ("lease", CONTACT, 1), ("lease", CONTACT, 1), ("finish", 1),
    ]  # fmt: skip
    # Then it goes only after the membership has left it
    play(redis, lost + overtaken)
    # And without the word before the request, the membership would be left behind
    with mock.patch.object(RecordQueue, "sending", return_value=0), pytest.raises(AssertionError, match="orphaned"):
        play(redis, lost + overtaken)


def test_writers_that_really_work_at_the_same_time_keep_the_order(redis: Redis, quick: None) -> None:
    # Given a reader and two writers for each table, each in a thread of its own, and people who change things
    family = Family(redis, page_size=3)
    interleaving = Interleaving(family)
    over = Event()

    def read_on(table: str) -> None:
        while not over.is_set():
            family.read(table)

    def write_on(table: str, seat: int) -> None:
        while not over.is_set():
            family.write(table, seat, batch_size=2)

    with ThreadPoolExecutor(9) as pool:
        readers = [pool.submit(read_on, table) for table in TABLES]
        writers = [pool.submit(write_on, table, seat) for table in TABLES for seat in (0, 1)]
        chosen = Random(7)
        for _ in range(150):
            interleaving.put(chosen.choice(TABLES), *(chosen.randrange(6) for _ in range(3)))
            interleaving.remove(chosen.choice([INVOICE, INVOICE, *TABLES]), chosen.randrange(6))
            family.write(chosen.choice(TABLES), seat=2, batch_size=1)
        over.set()
        for worker in [*readers, *writers]:
            worker.result()
    # When all has come to rest
    interleaving.settle()
    # Then no write ever led to a parent that was not there, and everything is written
    assert [event for event in family.campaign.events if event.missing] == []
    assert {table: family.held(table) for table in TABLES} == expected(family)
