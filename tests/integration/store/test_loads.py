"""A load holds its records until its end is known: whoever made it, whoever has slept, whatever runs."""

import pytest
from redis import Redis

from store.keys import StreamKeys
from store.ledger import Entry, Standing
from store.lifecycle import Lifecycle
from store.loads import LoadedRecord, Loads, pack, unpack
from store.record_queue import Batch, Change, GenerationOver, Lane, Outcome, QueueFull, RecordQueue, Unsent, Written
from store.whereabouts import Place, whereabouts
from tests.integration.store.records import changes, entry, record_id

LATER = 10_000_000_000_000


@pytest.fixture
def loads(redis: Redis, keys: StreamKeys) -> Loads:
    return Loads(redis, keys)


def leased(queue: RecordQueue, generation: int, count: int = 3, now_ms: int = 1_000) -> Batch:
    """Records in a writer's hands for ten seconds."""
    queue.put_page(generation, 0, changes(count), "next", now_ms=now_ms)
    return queue.lease(generation, 500, 10_000, now_ms)


def drafted(loads: Loads, batch: Batch, name: str = "profile_1") -> None:
    loads.draft(
        name,
        batch.number,
        [LoadedRecord(one.id, entry(one.version), one.queued_ms, one.lane, False) for one in batch.records],
    )


def test_what_is_kept_of_a_loaded_record_comes_back_as_it_was() -> None:
    records = [
        LoadedRecord(record_id(1), entry(7), 1_700_000_000_123, Lane.LIVE, False),
        LoadedRecord("a text", Entry(Standing.PRESENT, 2**53, 0, bytes(16)), 0, Lane.REPLAY, True),
    ]
    assert unpack(pack(records)) == records
    assert unpack(b"") == []


def test_a_committed_load_holds_its_records_long_after_the_lease_of_who_made_it(
    queue: RecordQueue, loads: Loads, generation: int, redis: Redis, keys: StreamKeys
) -> None:
    # Given a load that was committed in time
    batch = leased(queue, generation)
    drafted(loads, batch)
    assert loads.commit(generation, "profile_1", {batch.number: 3}, {"workflow": "WKF1"}, now_ms=2_000)
    # When its lease would have run out
    assert queue.reap(LATER) == 0
    # Then nobody else gets its records, nobody is taken for a writer, and it is said where they are
    assert queue.lease(generation, 500, 10_000, LATER).records == []
    assert not queue.leases_run(3_000)
    assert queue.backlog().leased == 3
    where = whereabouts(redis, keys, record_id(0))
    assert where is not None and where.place is Place.LOADED
    # And what is to become of them is known to everybody
    load = loads.read()
    assert load is not None and (load.name, load.count, load.batches) == ("profile_1", 3, (batch.number,))
    assert load.facts == {"workflow": "WKF1"} and load.committed_ms == 2_000 and load.placed_ms == 0
    assert (where.loaded_ms, where.placed_ms, load.is_hidden) == (2_000, None, True)
    # And once it has come to where Campaign takes it, that is known, too
    assert loads.note(load, placed_ms=3_000)
    there, placed = whereabouts(redis, keys, record_id(0)), loads.read()
    assert there is not None and placed is not None
    assert (there.placed_ms, placed.is_hidden) == (3_000, False)
    assert [one.entry for one in loads.records(load, batch.number)] == [entry(1)] * 3


def test_a_load_is_not_committed_once_a_lease_of_it_has_run_out(
    queue: RecordQueue, loads: Loads, generation: int
) -> None:
    # Given two batches, of which one is renewed and the other is not
    queue.put_page(generation, 0, changes(6), "next", now_ms=1_000)
    one, other = queue.lease(generation, 3, 10_000, 1_000), queue.lease(generation, 3, 10_000, 1_000)
    drafted(loads, one)
    drafted(loads, other)
    assert queue.renew(generation, one.number, 60_000, 2_000)
    # When the load is committed too late for the second
    assert not loads.commit(generation, "profile_1", {one.number: 3, other.number: 3}, {}, now_ms=11_000)
    # Then nothing has changed: both go back as leases do
    assert loads.read() is None
    assert queue.reap(11_000) == 3 and queue.reap(70_000) == 3


def test_a_load_is_not_committed_in_another_generation_nor_beside_another_one(
    queue: RecordQueue, loads: Loads, generation: int, lifecycle: Lifecycle
) -> None:
    # Given a load, and another batch of which somebody wants to make one
    batch = leased(queue, generation)
    drafted(loads, batch)
    assert loads.commit(generation, "profile_1", {batch.number: 3}, {}, now_ms=2_000)
    queue.feed(generation, [Change("another", 1, b"{}")], Lane.LIVE, 2_000)
    second = queue.lease(generation, 500, 10_000, 2_000)
    drafted(loads, second, "profile_2")
    # Then there is one at a time
    assert not loads.commit(generation, "profile_2", {second.number: 1}, {}, now_ms=2_500)
    # And none once the workflow is stopped
    lifecycle.stop("ann", "")
    with pytest.raises(GenerationOver):
        loads.commit(generation, "profile_2", {second.number: 1}, {}, now_ms=2_500)
    load = loads.read()
    assert load is not None and load.name == "profile_1"


def test_a_load_whose_draft_is_gone_is_not_committed(queue: RecordQueue, loads: Loads, generation: int) -> None:
    batch = leased(queue, generation)
    drafted(loads, batch)
    loads.drop_draft("profile_1")
    assert not loads.commit(generation, "profile_1", {batch.number: 3}, {}, now_ms=2_000)
    assert loads.read() is None and queue.reap(LATER) == 3


def test_a_commit_that_is_sent_once_more_says_once_more_that_it_is_done(
    queue: RecordQueue, loads: Loads, generation: int, lifecycle: Lifecycle
) -> None:
    # Given a commit whose answer was lost on its way
    batch = leased(queue, generation)
    drafted(loads, batch)
    assert loads.commit(generation, "profile_1", {batch.number: 3}, {}, now_ms=2_000)
    # When the client sends it again, even when the workflow was stopped in between, then nobody takes the load for lost
    assert loads.commit(generation, "profile_1", {batch.number: 3}, {}, now_ms=2_100)
    lifecycle.stop("ann", "")
    assert loads.commit(generation, "profile_1", {batch.number: 3}, {}, now_ms=2_200)


def test_a_load_that_does_not_know_all_that_its_batches_hold_is_not_committed(
    queue: RecordQueue, loads: Loads, generation: int, redis: Redis, keys: StreamKeys
) -> None:
    # Given two batches, and a server that has forgotten what was drafted of the one
    queue.put_page(generation, 0, changes(6), "next", now_ms=1_000)
    one, other = queue.lease(generation, 3, 10_000, 1_000), queue.lease(generation, 3, 10_000, 1_000)
    drafted(loads, one)
    drafted(loads, other)
    redis.hdel(keys.load_draft("profile_1"), f"batch:{other.number}")
    assert not loads.commit(generation, "profile_1", {one.number: 3, other.number: 3}, {}, now_ms=2_000)
    # Or that a record of the other, which is not in the file, was given back
    drafted(loads, Batch(other.number, other.records[:2]))
    assert not loads.commit(generation, "profile_1", {one.number: 3, other.number: 2}, {}, now_ms=2_000)
    assert loads.held(other.number) == [record.id for record in other.records]
    # Then nothing has changed, until both are known
    queue.settle(other.number, [Unsent(other.records[2].id)], 2_000)
    assert loads.commit(generation, "profile_1", {one.number: 3, other.number: 2}, {}, now_ms=2_000)


def test_what_is_in_a_file_does_not_keep_others_from_being_read(
    redis: Redis, keys: StreamKeys, generation: int, loads: Loads
) -> None:
    # Given a queue that is full, of records that a load holds
    queue = RecordQueue(redis, keys, high_water=3)
    batch = leased(queue, generation)
    assert queue.is_full()
    drafted(loads, batch)
    assert loads.commit(generation, "profile_1", {batch.number: 3}, {}, now_ms=2_000)
    # Then the next page is stored, and the one after it is not
    assert not queue.is_full()
    others = [Change(f"other{number}", 1, b"{}") for number in range(3)]
    queue.put_page(generation, 1, others, "next", now_ms=3_000)
    with pytest.raises(QueueFull):
        queue.put_page(generation, 2, others, "next", now_ms=3_000)


def test_who_does_not_know_that_its_batch_is_in_a_load_cannot_take_it_back_by_renewing(
    queue: RecordQueue, loads: Loads, generation: int
) -> None:
    # Given a load whose commit was not answered
    batch = leased(queue, generation)
    drafted(loads, batch)
    loads.commit(generation, "profile_1", {batch.number: 3}, {}, now_ms=2_000)
    # When its maker renews the lease, and dies
    assert queue.renew(generation, batch.number, 10_000, 3_000)
    # Then the load still holds the records
    assert queue.reap(LATER) == 0


def test_the_end_of_a_load_is_settled_in_any_generation_and_newer_versions_follow(
    queue: RecordQueue, loads: Loads, generation: int, lifecycle: Lifecycle
) -> None:
    # Given a load of three records, of which one changes meanwhile, and a workflow that is stopped
    batch = leased(queue, generation)
    drafted(loads, batch)
    loads.commit(generation, "profile_1", {batch.number: 3}, {}, now_ms=2_000)
    queue.feed(generation, [Change(record_id(1), 2, b"newer")], Lane.LIVE, 3_000)
    lifecycle.stop("ann", "")
    load = loads.read()
    assert load is not None
    # When its end is known: the third was not imported
    assert loads.holds(batch.number) and not loads.forget(load)
    done = loads.records(load, batch.number)
    outcomes: list[Outcome] = [*(Written(one.id, one.entry, inserted=True) for one in done[:2]), Unsent(done[2].id)]
    assert queue.settle(batch.number, outcomes, LATER) == set()
    # Then the ledger has what was imported, the newer version waits, and so does what was not imported
    assert queue.ledger.present([record_id(number) for number in range(3)]) == {record_id(0), record_id(1)}
    assert queue.payloads([record_id(number) for number in range(3)]) == {record_id(1): b"newer", record_id(2): b"{}"}
    # And the load is over, once; a second settling changes nothing
    assert not loads.holds(batch.number)
    assert queue.settle(batch.number, outcomes, LATER) == {one.id for one in done}
    assert loads.forget(load) and loads.read() is None
    assert not loads.forget(load)


def test_who_has_slept_notes_nothing_of_the_load_that_came_after(
    queue: RecordQueue, loads: Loads, generation: int
) -> None:
    # Given a load that is over, and the next one
    batch = leased(queue, generation)
    drafted(loads, batch)
    loads.commit(generation, "profile_1", {batch.number: 3}, {}, now_ms=2_000)
    first = loads.read()
    assert first is not None and loads.note(first, placed_ms=5, seen="1:2")
    queue.settle(batch.number, [Unsent(one.id) for one in batch.records], 3_000)
    loads.forget(first)
    again = queue.lease(generation, 500, 10_000, 4_000)
    drafted(loads, again, "profile_2")
    assert loads.commit(generation, "profile_2", {again.number: 3}, {}, now_ms=4_000)
    # When somebody still speaks of the first
    assert not loads.note(first, placed_ms=9, ended_ms=9)
    assert not loads.forget(first)
    # Then the second is as it was
    second = loads.read()
    assert second is not None and (second.name, second.placed_ms, second.ended_ms) == ("profile_2", 0, 0)


def test_loads_are_switched_off_for_one_generation(loads: Loads, generation: int) -> None:
    assert loads.off(generation) is None
    loads.switch_off(generation, "Half of it was refused")
    off = loads.off(generation)
    assert off is not None and off.sentence == "Half of it was refused" and off.at_ms > 0
    assert loads.off(generation + 2) is None


def test_when_the_workflow_was_signalled_outlives_the_load(loads: Loads) -> None:
    assert (loads.triggered_ms(), loads.later_ms()) == (0, 0)
    loads.note_trigger(5)
    loads.wait_until(7)
    assert (loads.triggered_ms(), loads.later_ms()) == (5, 7)
