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
        Parked(ANN, Parent("contact", "x")), Again(ANN, 5, True), Written(ANN, None, inserted=True),
        Written(ANN, None), Unchanged(ANN, None), Filtered(ANN), Refused(ANN, Reason("refused", "No.")),
        Written(ANN, GONE),
    ]  # fmt: skip
    # Given one record with every end, among others
    for at_ms, outcome in enumerate(ends, 1000):
        log.note([*others(3), outcome, Unsent(ANN)], now_ms=at_ms)
    # Then each is told, and what was given back untouched is none
    assert [(one.at_ms, one.ending.value) for one in log.of(ANN)] == [
        (1007, "x"), (1006, "d"), (1005, "f"), (1004, "u"), (1003, "w"), (1002, "c"), (1001, "a"), (1000, "p"),
    ]  # fmt: skip
    assert log.of(ANN, limit=1) == [Past(1007, Ending.DELETED, attempts=1)]
    # And who was not believed, or is no guid, is not in it
    log.note([Written(ANN, None), Written("unreadable", None)], doubted={ANN}, now_ms=2000)
    assert (log.of(ANN)[0].at_ms, log.of("unreadable"), log.of(str(uuid.UUID(int=7)))) == (1007, [], [])


def test_a_failure_is_told_with_its_cause_its_status_and_the_attempts_that_counted(
    redis: Redis, keys: StreamKeys
) -> None:
    log = OutcomeLog(redis, keys)
    # Given attempts that failed: one that found the system away, one that counted, one that no class stands for
    log.note([Again(ANN, 5, counts=False, cause="throttled", status=429)], now_ms=1)
    log.note([Again(ANN, 5, counts=True, cause="malformed", status=503)], now_ms=2)
    log.note([Refused(ANN, Reason("key-error", "?"))], tried={ANN: 1}, now_ms=3)
    # Then they are told so, and what is done in the end after how many attempts
    log.note([Written(ANN, None, inserted=True)], tried={ANN: 300}, now_ms=4)
    assert log.of(ANN) == [
        Past(4, Ending.CREATED, attempts=255),
        Past(3, Ending.REFUSED, "another", 2),
        Past(2, Ending.AGAIN, "malformed", 1, 503),
        Past(1, Ending.AGAIN, "throttled", 0, 429),
    ]


def test_what_people_do_with_dead_letters_is_kept_under_the_time_of_the_history(redis: Redis, keys: StreamKeys) -> None:
    log = OutcomeLog(redis, keys, kept=2000)
    # Given more letters than one part holds, retried and dropped; one of them is of what could not be read
    many = [str(uuid.UUID(int=number)) for number in range(1100)]
    log.note_deed(Ending.RETRIED, [*many, "unreadable"], now_ms=7)
    log.note_deed(Ending.DROPPED, [ANN], now_ms=8)
    assert (log.of(many[0]), log.of(many[-1])) == ([Past(7, Ending.RETRIED)], [Past(7, Ending.RETRIED)])
    assert (log.of(ANN), log.of("unreadable")) == ([Past(8, Ending.DROPPED)], [])
    assert (redis.llen(keys.outcomes), int(redis.get(keys.remembered) or 0)) == (4, 1101)


def test_the_oldest_go_first_however_many_came_together(redis: Redis, keys: StreamKeys) -> None:
    log = OutcomeLog(redis, keys, kept=1000)
    # Given a record, then as many others as are kept, in small parts and large ones
    log.note([Written(ANN, None)], now_ms=1)
    for _ in range(499):
        log.note(others(1), now_ms=2)
    log.note(others(500), now_ms=3)
    assert log.of(ANN) == [Past(1, Ending.UPDATED, attempts=1)]
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
    assert 1_900_000 < (redis.memory_usage(keys.outcomes, samples=0) or 0) < 2_200_000
