"""Live changes go first; a full read fills the gaps, revives what was set aside, and never ages what is newer."""

import pytest
from redis import Redis

from store.keys import StreamKeys
from store.record_queue import Change, Lane, Reason, RecordQueue, Refused, Stored, Unsent
from tests.integration.store.records import changes, confirm, record_id

BAD_FIELD = Reason("refused", "Campaign refused the field email.", "campaign")


def put(queue: RecordQueue, generation: int, page: list[Change], lane: Lane, at: int) -> Stored:
    return Stored(*queue._put_part(generation, 0, page, "", lane, at, 1000))


def refuse(queue: RecordQueue, generation: int, at: int) -> None:
    batch = queue.lease(generation, 10, 60_000, at)
    assert queue.settle(batch.number, [Refused(record.id, BAD_FIELD) for record in batch.records], at) == set()


def test_live_changes_are_leased_before_a_full_read(queue: RecordQueue, generation: int) -> None:
    # Given a full read of 300 records and two changes that came after it
    put(queue, generation, changes(300), Lane.REPLAY, at=1000)
    put(queue, generation, [Change("ann", 7, b""), Change("bob", 8, b"")], Lane.LIVE, at=2000)
    # When a writer takes four
    leased = queue.lease(generation, 4, 60_000, 3000).records
    # Then it has the two changes and the two that were read first
    assert [record.id for record in leased] == ["ann", "bob", record_id(0), record_id(1)]
    assert [record.lane for record in leased] == [Lane.LIVE, Lane.LIVE, Lane.REPLAY, Lane.REPLAY]


def test_a_live_change_takes_its_record_out_of_the_replay_lane(
    redis: Redis, keys: StreamKeys, queue: RecordQueue, generation: int
) -> None:
    # Given 300 records of a full read, and a younger live one
    put(queue, generation, changes(300), Lane.REPLAY, at=1000)
    put(queue, generation, [Change("ann", 7, b"")], Lane.LIVE, at=2000)
    # When the last record of the full read changes
    late = record_id(299)
    assert put(queue, generation, [Change(late, 2, b"now")], Lane.LIVE, at=3000) == Stored(0, 1, 0)
    # Then it comes right after the live one, once, in its newest version
    leased = queue.lease(generation, 500, 60_000, 4000).records
    assert [record.id for record in leased][:2] == ["ann", late]
    assert (leased[1].version, leased[1].lane, leased[1].payload) == (2, Lane.LIVE, b"now")
    assert len(leased) == len({record.id for record in leased}) == 301


def test_a_record_that_changed_its_lane_keeps_its_age(queue: RecordQueue, generation: int) -> None:
    # Given a record of a full read that waits since 1000, and a live one since 2000
    put(queue, generation, [Change("old", 1, b"")], Lane.REPLAY, at=1000)
    put(queue, generation, [Change("ann", 7, b"")], Lane.LIVE, at=2000)
    # When the older one changes and now stands behind the younger one
    put(queue, generation, [Change("old", 2, b"")], Lane.LIVE, at=3000)
    # Then the backlog is as old as before
    assert queue.backlog().oldest_ms == 1000


def test_a_record_that_changes_twice_in_flight_waits_since_the_first_of_both(
    queue: RecordQueue, generation: int
) -> None:
    # Given a record that changed twice while its first version was being sent
    put(queue, generation, [Change("ann", 1, b"")], Lane.LIVE, at=1000)
    batch = queue.lease(generation, 1, 60_000, 2000)
    put(queue, generation, [Change("ann", 2, b"")], Lane.LIVE, at=3000)
    put(queue, generation, [Change("ann", 3, b"")], Lane.LIVE, at=4000)
    # When the first version is confirmed
    confirm(queue, batch, 5000)
    # Then the target has lacked a change since 3000
    assert queue.backlog().oldest_ms == 3000
    assert [record.version for record in queue.lease(generation, 1, 60_000, 6000).records] == [3]


def test_a_full_read_never_ages_a_live_change_that_waits(queue: RecordQueue, generation: int) -> None:
    # Given a live change
    put(queue, generation, [Change("ann", 7, b"new")], Lane.LIVE, at=1000)
    # When a full read brings the same record in an older version
    assert put(queue, generation, [Change("ann", 6, b"old")], Lane.REPLAY, at=2000).skipped == 1
    # Then the live change stands as it was
    [leased] = queue.lease(generation, 10, 60_000, 3000).records
    assert (leased.version, leased.payload, leased.lane) == (7, b"new", Lane.LIVE)


def test_what_a_full_read_brings_in_the_same_version_replaces_what_waits(queue: RecordQueue, generation: int) -> None:
    # Given a live change that waits, and a replayed record
    put(queue, generation, [Change("ann", 7, b"few columns")], Lane.LIVE, at=1000)
    put(queue, generation, [Change("bob", 8, b"few columns")], Lane.REPLAY, at=1000)
    # When a full read, asking for more columns, brings both in the same version, and then a page of changes does
    page = [Change("ann", 7, b"more columns"), Change("bob", 8, b"more columns")]
    assert put(queue, generation, page, Lane.REPLAY, at=2000) == Stored(0, 2, 0)
    again = [Change(record_id, version, b"few columns") for record_id, version, _ in page]
    assert put(queue, generation, again, Lane.LIVE, at=3000) == Stored(0, 0, 2)
    # Then what the full read brought waits, each in its lane and as old as before
    leased = queue.lease(generation, 10, 60_000, 4000).records
    assert [(r.id, r.lane, r.payload, r.queued_ms) for r in leased] == [
        ("ann", Lane.LIVE, b"more columns", 1000),
        ("bob", Lane.REPLAY, b"more columns", 1000),
    ]


def test_what_a_full_read_brings_of_a_record_in_flight_follows_it(queue: RecordQueue, generation: int) -> None:
    # Given a record in a writer's hands
    put(queue, generation, [Change("ann", 7, b"few columns")], Lane.LIVE, at=1000)
    batch = queue.lease(generation, 1, 60_000, 2000)
    # When a full read brings it in the same version, and the writer is done
    put(queue, generation, [Change("ann", 7, b"more columns")], Lane.REPLAY, at=3000)
    confirm(queue, batch, 4000)
    # Then it is not over: what was read later is still to be looked at
    [leased] = queue.lease(generation, 1, 60_000, 5000).records
    assert (leased.payload, leased.queued_ms) == (b"more columns", 3000)


def test_a_record_given_back_returns_to_its_own_lane(queue: RecordQueue, generation: int) -> None:
    # Given a live and a replayed record in a writer's hands
    put(queue, generation, [Change("replayed", 1, b"")], Lane.REPLAY, at=1000)
    put(queue, generation, [Change("live", 1, b"")], Lane.LIVE, at=2000)
    batch = queue.lease(generation, 2, 60_000, 3000)
    # When it gives both back
    queue.settle(batch.number, [Unsent("replayed"), Unsent("live")], 3500)
    # Then the live one comes first again
    assert [r.id for r in queue.lease(generation, 1, 60_000, 4000).records] == ["live"]


@pytest.mark.parametrize(
    ("version", "lane", "revived"),
    [
        (4, Lane.REPLAY, False),  # older
        (5, Lane.REPLAY, True),  # a replay is the operator's wish to try the same version again
        (6, Lane.REPLAY, True),
        (4, Lane.LIVE, False),
        (5, Lane.LIVE, False),  # the same page read again: what was refused would be refused again
        (6, Lane.LIVE, True),  # somebody may have corrected it
    ],
)
def test_a_dead_letter_is_replaced_only_by_what_may_fare_better(
    queue: RecordQueue, generation: int, version: int, lane: Lane, revived: bool
) -> None:
    # Given a record set aside in version 5
    put(queue, generation, [Change("ann", 5, b"refused")], Lane.LIVE, at=1000)
    refuse(queue, generation, at=2000)
    # When the record is read again
    stored = put(queue, generation, [Change("ann", version, b"again")], lane, at=3000)
    # Then it either waits and is no dead letter any more, or the other way round
    assert stored == (Stored(1, 0, 0) if revived else Stored(0, 0, 1))
    backlog = queue.backlog()
    assert (backlog.waiting, backlog.dead) == ((1, 0) if revived else (0, 1))
    if revived:
        [leased] = queue.lease(generation, 1, 60_000, 4000).records
        assert (leased.version, leased.attempts, leased.deaths) == (version, 0, 0)


def test_a_dead_letter_is_whole_enough_to_be_sent_again(queue: RecordQueue, generation: int) -> None:
    # Given a record with an awkward payload
    payload = b'17 {"name": "Ann \xc3\xa9"} \x00\xff 3 4 '
    put(queue, generation, [Change("ann", 5, payload)], Lane.LIVE, at=1000)
    # When it is refused
    refuse(queue, generation, at=2000)
    # Then the dead letter has everything
    [letter] = queue.dead_letters()
    assert (letter.id, letter.version, letter.payload) == ("ann", 5, payload)
    assert (letter.reason, letter.attempts, letter.queued_ms, letter.dead_ms) == (BAD_FIELD, 1, 1000, 2000)
