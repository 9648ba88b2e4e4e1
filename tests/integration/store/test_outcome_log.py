"""What became of records lately is kept up to a number, and found by the record."""

import uuid

from redis import Redis

from store.keys import StreamKeys
from store.ledger import Entry, Standing
from store.outcome_log import Ending, OutcomeLog, Past
from store.outcomes import Again, Filtered, Outcome, Parent, Parked, Reason, Refused, Unchanged, Unsent, Written

ANN = "5d6c7f1e-0f0b-4b0e-9a58-000000000001"
GONE = Entry(Standing.DELETED, 2, 1, bytes(8))


def others(count: int) -> list[Outcome]:
    return [Unchanged(str(uuid.UUID(int=number)), None) for number in range(count)]


def test_each_outcome_is_told_the_newest_first(redis: Redis, keys: StreamKeys) -> None:
    log = OutcomeLog(redis, keys)
    ends: list[Outcome] = [
        Parked(ANN, Parent("contact", "x")), Again(ANN, 5, True), Written(ANN, None), Unchanged(ANN, None),
        Filtered(ANN), Refused(ANN, Reason("refused", "No.")), Written(ANN, GONE),
    ]  # fmt: skip
    # Given one record with every end, among others
    for at_ms, outcome in enumerate(ends, 1000):
        log.note([*others(3), outcome, Unsent(ANN)], now_ms=at_ms)
    # Then each is told, and what was given back untouched is none
    assert [(one.at_ms, one.ending.value) for one in log.of(ANN)] == [
        (1006, "x"), (1005, "d"), (1004, "f"), (1003, "u"), (1002, "w"), (1001, "a"), (1000, "p"),
    ]  # fmt: skip
    assert log.of(ANN, limit=1) == [Past(1006, Ending.DELETED)]
    # And who was not believed, or is no guid, is not in it
    log.note([Written(ANN, None), Written("unreadable", None)], doubted={ANN}, now_ms=2000)
    assert (log.of(ANN)[0].at_ms, log.of("unreadable"), log.of(str(uuid.UUID(int=7)))) == (1006, [], [])


def test_the_oldest_go_first_however_many_came_together(redis: Redis, keys: StreamKeys) -> None:
    log = OutcomeLog(redis, keys, kept=1000)
    # Given a record, then as many others as are kept, in small parts and large ones
    log.note([Written(ANN, None)], now_ms=1)
    for _ in range(499):
        log.note(others(1), now_ms=2)
    log.note(others(500), now_ms=3)
    assert log.of(ANN) == [Past(1, Ending.WRITTEN)]
    # When one more comes, Then the oldest goes
    log.note(others(1), now_ms=4)
    assert log.of(ANN) == []
    assert int(redis.get(keys.remembered) or 0) == 1000
    # And a part that is larger than all that is kept leaves nothing behind for ever
    for _ in range(5):
        log.note(others(500), now_ms=5)
    assert redis.llen(keys.outcomes) == 2


def test_a_hundred_thousand_take_about_two_megabytes(redis: Redis, keys: StreamKeys) -> None:
    log = OutcomeLog(redis, keys)
    for _ in range(210):
        log.note(others(500))
    assert int(redis.get(keys.remembered) or 0) == 100_000
    assert 1_700_000 < (redis.memory_usage(keys.outcomes, samples=0) or 0) < 2_200_000
