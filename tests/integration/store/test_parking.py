"""A child waits apart from the others until its parent is confirmed, and then follows by itself."""

import pytest
from redis import Redis

from store.keys import StreamKeys, WorkflowKeys
from store.ledger import Entry, Standing
from store.lifecycle import Lifecycle
from store.record_queue import (
    Again,
    Batch,
    Change,
    Filtered,
    GenerationOver,
    Lane,
    Outcome,
    Parent,
    Parked,
    ParkedRecord,
    Reason,
    RecordQueue,
    Stored,
    Unchanged,
    Written,
)
from store.statistics import read_statistics
from tests.integration.store.records import changes, confirm, entry, record_id

ACME = Parent("account", "acme")
ORPHAN = Reason("orphan", "The account that this record belongs to was not found.", "dynamics")
MINUTE = 60_000


@pytest.fixture
def parents(redis: Redis, workflow: WorkflowKeys) -> RecordQueue:
    return RecordQueue(redis, workflow.stream("account"))


def put(
    queue: RecordQueue, generation: int, *ids: str, version: int = 1, lane: Lane = Lane.LIVE, at: int = 0
) -> Stored:
    return queue.feed(generation, [Change(i, version, b"{}") for i in ids], lane, at)


def lease(queue: RecordQueue, generation: int, at: int = 0, how_many: int = 500) -> Batch:
    return queue.lease(generation, how_many, MINUTE, at)


def ids_of(batch: Batch) -> list[str]:
    return [record.id for record in batch.records]


def park(
    queue: RecordQueue, generation: int, *ids: str, parent: Parent = ACME, at: int = 0, lane: Lane = Lane.LIVE
) -> None:
    """Reads the records, leases them, and parks them."""
    put(queue, generation, *ids, at=at, lane=lane)
    batch = lease(queue, generation, at)
    assert queue.settle(batch.number, [Parked(i, parent) for i in ids], at) == set()


def bring(parents: RecordQueue, generation: int, parent_id: str = "acme", at: int = 0, version: int = 1) -> None:
    put(parents, generation, parent_id, version=version, at=at)
    confirm(parents, lease(parents, generation, at), at)


def test_a_parked_record_is_nobodys_work_and_shown_apart(queue: RecordQueue, generation: int) -> None:
    # Given a child whose parent is not there, and another record that came later
    park(queue, generation, "ann", at=1000)
    put(queue, generation, "bob", at=2000)
    # When a writer asks for work, Then it gets the other one only
    assert ids_of(lease(queue, generation, at=3000)) == ["bob"]
    # And the child is counted apart, and does not make the backlog look old
    backlog = queue.backlog()
    assert (backlog.waiting, backlog.leased, backlog.parked, backlog.total) == (0, 1, 1, 2)
    assert backlog.oldest_ms == 2000
    assert queue.parked(3000) == [ParkedRecord("ann", ACME, 1000, queued_ms=1000)]
    assert queue.waiting(["ann", "bob", "eve"]) == {"ann", "bob"}


@pytest.mark.parametrize("outcome", [Written, Unchanged])
def test_the_parents_confirmation_releases_its_children_into_their_lanes(
    queue: RecordQueue, parents: RecordQueue, generation: int, outcome: type[Written] | type[Unchanged]
) -> None:
    # Given a live and a replayed child of one parent, and a child of another
    park(queue, generation, "live", at=1000)
    park(queue, generation, "replayed", at=1000, lane=Lane.REPLAY)
    park(queue, generation, "other", parent=Parent("account", "acme 2"), at=1000)
    # When that parent is confirmed
    put(parents, generation, "acme")
    parents.settle(lease(parents, generation).number, [outcome("acme", entry(1))], 0)
    # Then both are leased, the live one first, as old as they are, and the third goes on waiting
    batch = lease(queue, generation, at=5000)
    assert ids_of(batch) == ["live", "replayed"]
    assert [(r.lane, r.queued_ms, r.attempts) for r in batch.records] == [(Lane.LIVE, 1000, 0), (Lane.REPLAY, 1000, 0)]
    assert [record.id for record in queue.parked(5000)] == ["other"]
    assert queue.backlog().oldest_ms == 1000


def test_a_record_is_not_parked_for_a_parent_that_was_confirmed_meanwhile(
    queue: RecordQueue, parents: RecordQueue, generation: int
) -> None:
    # Given a writer that saw no parent when it looked
    put(queue, generation, "ann")
    batch = lease(queue, generation)
    # When the parent is confirmed before the writer says so
    bring(parents, generation)
    queue.settle(batch.number, [Parked("ann", ACME)], 0)
    # Then the record waits in its lane, and is leased at once
    assert queue.parked(MINUTE) == []
    assert ids_of(lease(queue, generation)) == ["ann"]


def test_a_deleted_parent_is_none(queue: RecordQueue, parents: RecordQueue, generation: int) -> None:
    # Given a parent whose deletion is what was confirmed
    gone = Entry(Standing.DELETED, 3, 1_700_000_000, bytes(8))
    put(parents, generation, "acme", version=3)
    parents.settle(lease(parents, generation).number, [Written("acme", gone)], 0)
    # When a child is parked for it, and the deletion is confirmed once more
    park(queue, generation, "ann")
    put(parents, generation, "acme", version=5)
    parents.settle(lease(parents, generation).number, [Unchanged("acme", gone)], 0)
    # Then the child waits, until the parent is there again
    assert ids_of(lease(queue, generation)) == []
    bring(parents, generation, version=7)
    assert ids_of(lease(queue, generation)) == ["ann"]


def test_a_child_of_its_own_table_is_released_by_the_very_call_that_parked_it(
    queue: RecordQueue, generation: int
) -> None:
    # Given a batch that holds a child and, behind it, its parent
    put(queue, generation, "child", "parent")
    batch = lease(queue, generation)
    told: list[Outcome] = [Parked("child", Parent("contact", "parent")), Written("parent", entry(1))]
    # When both are settled together, Then the child follows
    assert queue.settle(batch.number, told, 0) == set()
    assert ids_of(lease(queue, generation)) == ["child"]


def test_the_children_of_one_parent_in_several_streams_are_all_released(
    redis: Redis, workflow: WorkflowKeys, queue: RecordQueue, parents: RecordQueue, generation: int
) -> None:
    # Given children in two streams, of which one's name begins like the other's
    longer = RecordQueue(redis, workflow.stream("contactpoint"))
    park(longer, generation, "point")
    park(queue, generation, "ann")
    # When their parent comes, Then each stream gets its own
    bring(parents, generation)
    assert ids_of(lease(queue, generation)) == ["ann"]
    assert ids_of(lease(longer, generation)) == ["point"]
    # And neither takes more than that
    assert ids_of(lease(queue, generation)) == ids_of(lease(longer, generation)) == []
    assert not redis.exists(workflow.released, parents.keys.awaited)


def test_a_parent_with_very_many_children_holds_nobody_up(
    redis: Redis, workflow: WorkflowKeys, queue: RecordQueue, parents: RecordQueue, generation: int
) -> None:
    # Given 1,200 children of one parent
    for start in (0, 500, 1000):
        some = [record_id(number) for number in range(start, min(start + 500, 1200))]
        park(queue, generation, *some)
    # When it comes, Then they are taken back as they are wanted, a batch at a time, none twice
    bring(parents, generation)
    seen: list[str] = []
    for size in (500, 500, 200, 0):
        batch = lease(queue, generation)
        assert len(batch.records) == size
        seen += ids_of(batch)
    assert sorted(seen) == [record_id(number) for number in range(1200)]
    # And nothing is kept of their waiting
    keys = queue.keys
    assert not redis.exists(keys.parked, keys.awaits, keys.by_parent, parents.keys.awaited, workflow.released)


def test_a_newer_version_of_a_parked_record_waits_for_nobody(queue: RecordQueue, generation: int) -> None:
    # Given a parked child that had failed once before
    put(queue, generation, "ann", at=1000)
    queue.settle(lease(queue, generation, 1000).number, [Again("ann", 0, counts=True)], 1000)
    queue.settle(lease(queue, generation, 1000).number, [Parked("ann", ACME)], 1000)
    # When an older version, the same, and then a newer one comes, perhaps of another parent
    assert put(queue, generation, "ann", version=1, at=2000) == Stored(0, 0, 1)
    assert queue.backlog().parked == 1
    assert put(queue, generation, "ann", version=2, at=3000) == Stored(0, 1, 0)
    # Then it is looked at at once and afresh, as old as its wait is
    assert queue.backlog().oldest_ms == 1000
    [leased] = lease(queue, generation, 4000).records
    assert (leased.version, leased.attempts) == (2, 0)
    assert queue.backlog().parked == 0


def test_a_record_that_changed_in_flight_is_not_parked(queue: RecordQueue, generation: int) -> None:
    # Given a child that changes while a writer finds that its parent is not there
    put(queue, generation, "ann", at=1000)
    batch = lease(queue, generation, 1000)
    put(queue, generation, "ann", version=2, at=2000)
    # When the writer says so, Then the newer version waits in its lane, since the first of both came
    queue.settle(batch.number, [Parked("ann", ACME)], 3000)
    assert (queue.backlog().parked, queue.backlog().oldest_ms) == (0, 1000)
    assert [record.version for record in lease(queue, generation, 4000).records] == [2]


def test_who_has_waited_longest_is_told_first_and_can_be_armed_again(queue: RecordQueue, generation: int) -> None:
    # Given children parked one after the other
    for number, at in enumerate((3000, 1000, 2000)):
        park(queue, generation, f"child {number}", parent=Parent("account", f"a b {number}"), at=at)
    # When those that have waited since 2000 are asked for, Then the oldest comes first
    told = queue.parked(2000, limit=10)
    assert told == [
        ParkedRecord("child 1", Parent("account", "a b 1"), 1000, told[0].queued_ms),
        ParkedRecord("child 2", Parent("account", "a b 2"), 2000, told[1].queued_ms),
    ]
    assert queue.parked(2000, limit=1) == told[:1]
    # And after it was armed again it counts from then; who is not parked stays as it is
    queue.rearm(["child 1", "nobody"], 5000)
    queue.rearm([], 5000)
    assert [record.id for record in queue.parked(9000)] == ["child 2", "child 0", "child 1"]
    assert queue.backlog().parked == 3


def test_an_orphan_is_set_aside_with_its_reason(redis: Redis, queue: RecordQueue, generation: int) -> None:
    # Given two parked children and a record that is not parked
    park(queue, generation, "ann", "bob", at=1000)
    put(queue, generation, "eve", at=1000)
    # When one child and the other record are given up
    assert queue.unpark(["ann", "eve", "nobody"], ORPHAN, 5000) == 1
    # Then only the child is a dead letter, counted as refused
    [letter] = queue.dead_letters()
    assert (letter.id, letter.reason, letter.payload, letter.dead_ms) == ("ann", ORPHAN, b"{}", 5000)
    assert queue.refused(["ann", "bob", "eve", "nobody"]) == {"ann"} and queue.refused([]) == set()
    assert read_statistics(redis, queue.keys, 5000).totals["refused"] == 1
    backlog = queue.backlog()
    assert (backlog.waiting, backlog.parked, backlog.dead) == (1, 1, 1)
    # And without a reason the other returns to its lane
    assert queue.unpark(["bob", "eve"], now_ms=6000) == 1
    assert ids_of(lease(queue, generation, 6000)) == ["eve", "bob"]


def test_nobody_is_given_up_who_waits_for_another_parent_by_now(queue: RecordQueue, generation: int) -> None:
    # Given two children of different parents
    other = Parent("account", "other")
    park(queue, generation, "ann")
    park(queue, generation, "bob", parent=other)
    # When both are given up for one of these, or let go for it, Then the other one stays as it is
    assert queue.unpark(["ann", "bob"], parent=other) == 1
    assert queue.unpark(["ann"], ORPHAN, parent=other) == 0
    assert (queue.awaits("ann"), queue.awaits("bob"), queue.backlog().dead) == (ACME, None, 0)
    assert queue.unpark(["ann"], ORPHAN, parent=ACME) == 1
    assert queue.refused(["ann", "bob"]) == {"ann"}


def test_nobody_is_given_up_whose_parent_has_come(queue: RecordQueue, parents: RecordQueue, generation: int) -> None:
    # Given a child whose parent was confirmed a moment ago, and that no writer has asked for yet
    park(queue, generation, "ann")
    bring(parents, generation)
    # When it is given up for having waited too long, Then it goes to work instead
    assert queue.unpark(["ann"], ORPHAN) == 0
    assert queue.backlog().dead == 0
    assert ids_of(lease(queue, generation)) == ["ann"]


def test_what_is_filtered_out_leaves_no_trace_but_its_count(redis: Redis, queue: RecordQueue, generation: int) -> None:
    # Given a page of three rows of which the filter kept back one, and two records in a writer's hands
    queue.put_page(generation, 0, [Change("ann", 1, b""), Change("bob", 1, b"")], "next", now_ms=0, filtered=1)
    batch = lease(queue, generation)
    # When one changes, and the writer finds that neither passes the filter
    put(queue, generation, "bob", version=2)
    queue.settle(batch.number, [Filtered("ann"), Filtered("bob")], 0)
    # Then the one is gone, the ledger knows nothing of it, and the newer version of the other waits
    assert queue.ledger.entries(["ann", "bob"]) == [None, None]
    assert [(r.id, r.version) for r in lease(queue, generation).records] == [("bob", 2)]
    totals = read_statistics(redis, queue.keys, 0).totals
    assert (totals["read"], totals["filtered"], totals["written"]) == (4, 3, 0)


def test_what_is_fed_moves_no_cursor_and_knows_no_mark(
    redis: Redis, keys: StreamKeys, lifecycle: Lifecycle, generation: int
) -> None:
    # Given a queue at its high-water mark
    queue = RecordQueue(redis, keys, high_water=2)
    queue.put_page(generation, 0, changes(2), "next")
    assert queue.is_full()
    # When 700 records are fed, one of them a newer version of what waits
    stored = queue.feed(generation, [*changes(700)[2:], Change(record_id(0), 2, b"")], Lane.LIVE)
    # Then all of them wait, coalesced, and the cursor is where it was
    assert stored == Stored(698, 1, 0)
    assert queue.total() == 700 and redis.hget(keys.cursor, "number") == b"1"
    # And nothing is fed to a workflow that was stopped
    lifecycle.stop("ann", "rest")
    with pytest.raises(GenerationOver):
        queue.feed(generation, changes(1), Lane.LIVE)


def test_parked_records_survive_stop_and_start(
    redis: Redis, queue: RecordQueue, parents: RecordQueue, lifecycle: Lifecycle, generation: int
) -> None:
    # Given a parked child, and a workflow that is stopped and started
    park(queue, generation, "ann")
    lifecycle.stop("ann", "rest", now_ms=1)
    lifecycle.start("ann", "go", 1, now_ms=1)
    generation = lifecycle.read().generation
    assert lifecycle.run(generation, "worker", "ready", now_ms=1)
    # When its parent comes in the new generation, Then it follows
    bring(parents, generation)
    assert ids_of(lease(queue, generation)) == ["ann"]
