"""What a writer says counts while it holds the lease; when it falls silent, its records go to somebody else."""

import pytest
from redis import Redis

from store.keys import StreamKeys
from store.lifecycle import Lifecycle
from store.record_queue import (
    DEATHS_TOO_MANY,
    Again,
    Change,
    GenerationOver,
    Lane,
    Outcome,
    Reason,
    RecordQueue,
    Refused,
    Unchanged,
    Unsent,
    Written,
)
from tests.integration.store.records import changes, confirm, entry, record_id

REASON = Reason("refused", "Campaign refused the field email.", "campaign")


def test_500_records_are_leased_and_settled_at_once(
    redis: Redis, keys: StreamKeys, queue: RecordQueue, generation: int
) -> None:
    # Given 1,200 records
    queue.put_page(generation, 0, changes(1200), "next")
    # When a writer asks for all of them
    batch = queue.lease(generation, 1200, 60_000)
    # Then it gets 500, in the order they came
    assert [record.id for record in batch.records] == [record_id(number) for number in range(500)]
    # And settles them with every outcome there is
    ids = [record.id for record in batch.records]
    outcomes: list[Outcome] = [Written(i, entry(1)) for i in ids[:100]]
    outcomes += [Unchanged(i, entry(1)) for i in ids[100:200]]
    outcomes += [Again(i, 60_000, counts=True) for i in ids[200:300]]
    outcomes += [Refused(i, REASON) for i in ids[300:400]]
    outcomes += [Unsent(i) for i in ids[400:]]
    assert queue.settle(batch.number, outcomes) == set()
    backlog = queue.backlog()
    assert (backlog.waiting, backlog.leased, backlog.delayed, backlog.dead) == (900, 0, 100, 100)
    # And then the batch is over; a call with more than one script takes is told so of each record
    assert queue.renew(generation, batch.number, 60_000) is False
    assert len(queue.settle(batch.number, [Unsent(record_id(n)) for n in range(1300)])) == 1300


def test_what_a_writer_says_after_its_lease_is_not_believed(queue: RecordQueue, generation: int) -> None:
    # Given a writer that slept through its lease of 60 s
    queue.put_page(generation, 0, changes(2), "next", now_ms=0)
    batch = queue.lease(generation, 2, 60_000, now_ms=0)
    # When it comes back at the very end of it, Then it is told so, and nothing is confirmed
    assert confirm(queue, batch, now_ms=60_000) == {record_id(0), record_id(1)}
    assert queue.ledger.entries([record_id(0)]) == [None]
    # Even though nobody has reaped yet; and it can no longer renew
    assert queue.renew(generation, batch.number, 60_000, now_ms=60_000) is False


def test_what_a_writer_says_after_a_stop_is_believed(queue: RecordQueue, lifecycle: Lifecycle, generation: int) -> None:
    # Given a writer whose workflow was stopped while its request was under way
    queue.put_page(generation, 0, changes(1), "next", now_ms=0)
    batch = queue.lease(generation, 1, 60_000, now_ms=0)
    lifecycle.stop("ann", "maintenance", now_ms=1000)
    # When it settles, Then it is believed, for the write has happened
    assert confirm(queue, batch, now_ms=2000) == set()
    assert queue.backlog().total == 0
    # But it gets neither more time nor more records
    with pytest.raises(GenerationOver):
        queue.renew(generation, batch.number, 60_000, now_ms=2000)
    with pytest.raises(GenerationOver):
        queue.lease(generation, 1, 60_000, now_ms=2000)


def test_renewing_gives_more_time_from_now(queue: RecordQueue, generation: int) -> None:
    # Given a lease of 60 s, renewed after 50 s
    queue.put_page(generation, 0, changes(1), "next", now_ms=0)
    batch = queue.lease(generation, 1, 60_000, now_ms=0)
    assert queue.renew(generation, batch.number, 60_000, now_ms=50_000) is True
    # When the first minute is over, Then it still stands
    assert queue.reap(now_ms=109_999) == 0
    assert confirm(queue, batch, now_ms=109_999) == set()


@pytest.mark.parametrize("end", ["reaped", "given back", "tried again"])
def test_the_mark_of_a_newer_version_ends_with_the_lease_it_belongs_to(
    queue: RecordQueue, generation: int, end: str
) -> None:
    # Given a record that changed in flight, and whose lease ended without a confirmation
    queue.put_page(generation, 0, [Change("ann", 1, b"")], "1", now_ms=0)
    batch = queue.lease(generation, 1, 60_000, now_ms=0)
    queue.put_page(generation, 1, [Change("ann", 2, b"")], "2", now_ms=10)
    match end:
        case "reaped":
            assert queue.reap(now_ms=60_000) == 1
        case "given back":
            queue.settle(batch.number, [Unsent("ann")], now_ms=20)
        case "tried again":
            queue.settle(batch.number, [Again("ann", 10, counts=True)], now_ms=20)
    # When the next holder has written the newer version
    batch = queue.lease(generation, 1, 60_000, now_ms=60_000)
    assert [record.version for record in batch.records] == [2]
    confirm(queue, batch, now_ms=60_001)
    # Then the record is done: the mark was the first holder's
    assert queue.backlog().total == 0
    # And had it changed once more, the second holder would have been marked anew
    queue.put_page(generation, 2, [Change("ann", 3, b"")], "3", now_ms=60_002)
    batch = queue.lease(generation, 1, 60_000, now_ms=60_003)
    queue.put_page(generation, 3, [Change("ann", 4, b"")], "4", now_ms=60_004)
    queue.renew(generation, batch.number, 60_000, now_ms=60_005)
    confirm(queue, batch, now_ms=60_006)
    assert [record.version for record in queue.lease(generation, 1, 60_000, now_ms=60_007).records] == [4]


def test_what_is_said_of_some_records_ends_only_their_lease(queue: RecordQueue, generation: int) -> None:
    # Given two writers with two records each
    queue.put_page(generation, 0, changes(4), "next", now_ms=0)
    first, second = (queue.lease(generation, 2, 60_000, now_ms=0) for _ in range(2))
    # When the first settles one of its records and, by mistake, one of the other's
    told = [Written(record_id(0), entry(1)), Written(record_id(2), entry(1))]
    assert queue.settle(first.number, told, now_ms=1) == {record_id(2)}
    # Then it still holds its second record, and the other both of its own
    assert queue.backlog().leased == 3 and queue.ledger.entries([record_id(2)]) == [None]
    assert queue.settle(first.number, [Written(record_id(1), entry(1))], now_ms=2) == set()
    assert confirm(queue, second, now_ms=3) == set()
    assert queue.backlog().total == 0


def test_no_number_is_given_twice_even_by_a_server_that_lost_its_last_second(
    redis: Redis, keys: StreamKeys, queue: RecordQueue, generation: int
) -> None:
    # Given three leases, two in the same millisecond and one after the clock was set back
    queue.put_page(generation, 0, changes(4), "next", now_ms=0)
    numbers = [queue.lease(generation, 1, 60_000, at).number for at in (5000, 5000, 4000)]
    assert len(set(numbers)) == 3
    # When a fourth is lost in a crash of the server, whose writer lives on
    kept = {key: redis.dump(key) or b"" for key in redis.scan_iter()}
    lost = queue.lease(generation, 1, 60_000, now_ms=6000)
    redis.flushdb()
    for key, value in kept.items():
        redis.restore(key, 0, value)
    # Then the next holder of that record has a number of its own, and the lost one is not believed
    again = queue.lease(generation, 1, 60_000, now_ms=6001)
    assert [record.id for record in again.records] == [record.id for record in lost.records]
    assert confirm(queue, lost, now_ms=6002) == {record_id(3)}
    assert confirm(queue, again, now_ms=6002) == set()


def test_a_refusal_of_an_old_version_does_not_bury_the_newer_one(queue: RecordQueue, generation: int) -> None:
    # Given a record that somebody corrects while its first version is being sent
    queue.put_page(generation, 0, [Change("ann", 1, b"")], "1")
    batch = queue.lease(generation, 1, 60_000)
    queue.put_page(generation, 1, [Change("ann", 2, b"")], "2")
    # When the first version is refused
    queue.settle(batch.number, [Refused("ann", REASON)])
    # Then the corrected one waits, and nothing is set aside
    backlog = queue.backlog()
    assert (backlog.waiting, backlog.dead) == (1, 0)


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("lane", Lane)
def test_a_newer_version_does_not_wait_out_the_delay_of_the_one_that_failed(
    queue: RecordQueue, generation: int, counts: bool, lane: Lane
) -> None:
    # Given a record that has failed before, and changes while it is sent once more
    queue.feed(generation, [Change("ann", 1, b"")], lane, now_ms=0)
    queue.settle(queue.lease(generation, 1, 60_000, now_ms=0).number, [Again("ann", 1000, counts=True)], now_ms=0)
    batch = queue.lease(generation, 1, 60_000, now_ms=1000)
    queue.feed(generation, [Change("ann", 2, b"")], lane, now_ms=1001)
    # When the older version is to be tried again in five minutes
    assert queue.settle(batch.number, [Again("ann", 300_000, counts)], now_ms=1002) == set()
    # Then nobody waits for that: the newer one is tried at once, and afresh
    assert (queue.backlog().waiting, queue.backlog().delayed) == (1, 0)
    [leased] = queue.lease(generation, 1, 60_000, now_ms=1002).records
    assert (leased.version, leased.lane, leased.attempts, leased.deaths) == (2, lane, 0, 0)
    # And since when the target lacks a change is not forgotten
    assert queue.backlog().oldest_ms == 0


def test_attempts_that_count_are_counted_and_the_wait_is_kept(queue: RecordQueue, generation: int) -> None:
    # Given a record that failed twice, once through no fault of its own
    queue.put_page(generation, 0, changes(1), "next", now_ms=0)
    for at, counts in ((0, True), (1000, False)):
        batch = queue.lease(generation, 1, 60_000, now_ms=at)
        queue.settle(batch.number, [Again(record_id(0), 1000, counts)], now_ms=at)
    # When its wait is not over, Then nobody gets it
    assert queue.lease(generation, 1, 60_000, now_ms=1999).records == []
    # And then it comes with one attempt on its account, and as old as it is
    [leased] = queue.lease(generation, 1, 60_000, now_ms=2000).records
    assert (leased.attempts, leased.deaths, leased.queued_ms) == (1, 0, 0)
    assert queue.backlog().oldest_ms == 0


def test_the_records_of_a_dead_writer_wait_again(queue: RecordQueue, generation: int) -> None:
    # Given 1,100 records in the hands of writers that died
    queue.put_page(generation, 0, changes(1100), "next", now_ms=0)
    for _ in range(3):
        queue.lease(generation, 500, 60_000, now_ms=0)
    assert queue.backlog().leased == 1100
    # When their minute is over, Then reaping brings all of them back, 500 at a time
    assert [queue.reap(now_ms=60_000) for _ in range(4)] == [500, 500, 100, 0]
    backlog = queue.backlog()
    assert (backlog.waiting, backlog.leased, backlog.oldest_ms) == (1100, 0, 0)
    assert {record.deaths for record in queue.lease(generation, 500, 60_000, now_ms=60_000).records} == {1}


def test_a_record_that_outlives_too_many_holders_is_set_aside(queue: RecordQueue, generation: int) -> None:
    # Given a record whose holders keep dying
    queue.put_page(generation, 0, [Change("poison", 1, b"!")], "next", now_ms=0)
    for death in range(DEATHS_TOO_MANY):
        at = death * 60_000
        [leased] = queue.lease(generation, 1, 60_000, now_ms=at).records
        assert leased.deaths == death
        # When one more of them dies
        assert queue.reap(now_ms=at + 60_000) == 1
    # Then after the last one it is a dead letter that says so
    [letter] = queue.dead_letters()
    assert (letter.id, letter.reason.kind, letter.payload, letter.attempts) == ("poison", "holders-died", b"!", 0)
    assert queue.backlog().total == 0


def test_the_ledger_is_written_with_the_confirmation(queue: RecordQueue, generation: int) -> None:
    # Given three records, by GUID and by name
    ids = [record_id(1), record_id(2), "by name"]
    queue.put_page(generation, 0, [Change(i, 7, b"") for i in ids], "next")
    batch = queue.lease(generation, 3, 60_000)
    # When one is written, one found unchanged, one refused
    queue.settle(batch.number, [Written(ids[0], entry(7)), Refused(ids[1], REASON), Unchanged(ids[2], entry(6))])
    # Then the ledger knows those that were confirmed
    assert queue.ledger.entries([*ids, "never heard of"]) == [entry(7), None, entry(6), None]
