"""A walk beside live reading: changes go first and always win; what was asked for is written once more, and no more."""

from typing import Any, cast

import pytest

from store.ledger import Ledger
from store.record_queue import Lane
from sync.tables import reading as table_reading
from sync.tables.position import Phase
from sync.tables.reading import TableReader
from tests.integration.sync.family import CONTACT, FOREVER, MEMBERSHIP, Family, the
from tests.integration.sync.walks import ONE_PAGE, contacts, position, replay_now, walk, written

ANN, BOB = the("ann"), the("bob")


def test_a_replay_begins_while_the_workflow_runs_and_writes_every_record_once(family: Family) -> None:
    ids = contacts(family)
    generation, token = family.generation, position(family).token_ms
    # When one begins at once
    replay_now(family)
    family.settle()
    # Then each was written once, in the same run, and reading changes was never begun anew
    assert written(family) == ids
    assert (family.generation, position(family).phase, position(family).left) == (generation, Phase.CHANGES, None)
    assert position(family).token_ms is not None and token is not None
    assert (walk(family).rows, walk(family).queued, walk(family).is_over) == (6, 6, True)
    # And that was all: nothing is written for a change of what is not mapped
    family.dynamics.put(CONTACT, ids[0], jobtitle="Boss")
    family.start()
    family.settle()
    assert written(family) == ids


def test_changes_are_read_between_the_pages_of_a_walk_and_written_first(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a walk of which one page was read
    ids = contacts(family)
    replay_now(family)
    family.read(CONTACT, ONE_PAGE)
    assert (walk(family).rows, walk(family).is_over) == (2, False)
    # When a contact changes that the walk has yet to reach
    family.dynamics.put(CONTACT, ids[-1], lastname="changed")
    family.read(CONTACT, ONE_PAGE)
    # Then it was read before the next page, and goes first
    assert walk(family).rows == 4
    batch = family.workflow.queue(CONTACT).lease(family.generation, 1, 60_000)
    assert [record.id for record in batch.records] == [ids[-1]]
    assert batch.records[0].lane is Lane.LIVE


def test_the_copy_of_a_walk_never_overwrites_a_change(family: Family) -> None:
    # Given a walk that has read a contact, and nothing was written
    ids = contacts(family)
    replay_now(family)
    family.read(CONTACT, ONE_PAGE)
    # When that one changes, and the change is written while the copy waits; and another one before it is reached
    for record_id in (ids[0], ids[-1]):
        family.dynamics.put(CONTACT, record_id, lastname="changed")
    family.settle()
    # Then both stay as they were changed
    assert [family.held(CONTACT)[record_id]["lastName"] for record_id in (ids[0], ids[-1])] == ["changed"] * 2
    bodies = [event.body["lastName"] for event in family.campaign.events if event.key == ids[0]]
    assert bodies == ["changed"]


@pytest.mark.parametrize("reached", [True, False])
def test_a_record_that_is_deleted_during_the_walk_stays_deleted(family: Family, reached: bool) -> None:
    ids = contacts(family)
    replay_now(family)
    family.read(CONTACT, ONE_PAGE)
    # When a contact is deleted whose copy waits, or that the walk has yet to reach
    gone = ids[0] if reached else ids[-1]
    family.dynamics.remove(CONTACT, gone)
    family.settle()
    # Then it is gone, and the others were written
    assert sorted(family.held(CONTACT)) == sorted(set(ids) - {gone})
    assert set(written(family)) == set(ids)


def test_a_page_that_was_asked_for_before_a_deletion_was_told_is_thrown_away(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact of which nobody knows yet, on a page of the walk that was asked for ahead
    monkeypatch.setattr(table_reading, "LIVE_EVERY", 1000.0)
    ids = contacts(family)
    replay_now(family)
    stream = family.streams[CONTACT]
    reader = cast(TableReader, stream.source.reader(stream, family.workflow, family.generation, FOREVER))
    assert reader.read_page() is None
    new = "ffffffff-0000-4000-8000-000000000001"
    family.dynamics.put(CONTACT, new, lastname="new")
    for _ in range(2):
        assert reader.read_page() is None
    ahead = reader._walker._pages._ahead
    assert ahead is not None and any(change.id == new for change in ahead[1].result().changes) is False
    assert reader.read_page() is None
    ahead = reader._walker._pages._ahead
    assert ahead is not None and any(change.id == new for change in ahead[1].result().changes)
    # When it is deleted, and changes are read before that page is stored
    family.dynamics.remove(CONTACT, new)
    reader._walks_until = 0.0
    assert reader.read_page() is None
    while not walk(family).is_over:
        reader.read_page()
    reader.close()
    family.settle()
    # Then it never came to Campaign
    assert sorted(family.held(CONTACT)) == ids


def test_a_change_of_what_is_not_mapped_that_overtakes_a_copy_is_written_in_its_place(family: Family) -> None:
    # Given a copy that waits
    ids = contacts(family, ["ann"])
    replay_now(family)
    family.read(CONTACT, ONE_PAGE)
    # When a newer version takes its place that maps to the same
    family.dynamics.put(CONTACT, ids[0], jobtitle="Boss")
    family.read(CONTACT)
    family.settle()
    # Then the replay of it is not lost, and it is written once
    assert written(family) == ids


def test_a_copy_that_follows_a_version_in_a_writers_hands_is_written_all_the_same(family: Family) -> None:
    # Given a writer that holds a version which differs in nothing
    ids = contacts(family, ["ann"])
    family.dynamics.put(CONTACT, ids[0], jobtitle="Boss")
    family.read(CONTACT)
    queue = family.workflow.queue(CONTACT)
    batch = queue.lease(family.generation, 1, 60_000)
    [entry] = queue.ledger.entries(ids)
    outcome = family.streams[CONTACT].target.prepare(batch.records[0], entry)
    # When the walk reads the record meanwhile
    replay_now(family)
    family.read(CONTACT)
    queue.settle(batch.number, [cast(Any, outcome)])
    family.settle()
    # Then that copy is written
    assert written(family) == ids


def test_children_that_are_replayed_still_wait_for_their_parents(family: Family) -> None:
    # Given a membership whose contact is not there
    family.start(new_invoice=None)
    family.dynamics.put(MEMBERSHIP, BOB, new_contactid=ANN)
    family.settle()
    assert family.parked(MEMBERSHIP) == {BOB}
    assert family.workflow.replays.ask(MEMBERSHIP, "a test", "")
    assert family.workflow.replays.begin_now(MEMBERSHIP, "a test")
    family.settle()
    assert (family.parked(MEMBERSHIP), family.held(MEMBERSHIP)) == ({BOB}, {})
    # When it comes, then both are
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.settle()
    assert family.held(MEMBERSHIP).keys() == {BOB}


def test_marks_do_not_outlive_what_they_are_for(family: Family) -> None:
    ids = contacts(family)
    replay_now(family)
    family.settle()
    assert not family.redis.exists(family.workflow.keys.stream(CONTACT).repeats)
    assert isinstance(family.workflow.queue(CONTACT).ledger, Ledger) and ids
