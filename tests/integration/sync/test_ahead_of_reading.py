"""Records that are asked for apart from reading: what reading brings of them later is never older than what was sent.

A reader may have fetched a page, and sleep before it is stored. Then a record on it changes, and is asked for by
somebody else: because it follows its parent, because its mapping has changed, or for a replay.
"""

from collections.abc import Sequence
from typing import Any

import pytest
from redis import Redis

from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_pages import Page
from connectors.errors import Unavailable
from connectors.uptime import uptime
from store.ledger import field_of
from store.record_queue import Lane, Leased
from sync.streams import Send
from sync.tables.position import Position
from tests.integration.store.known import written_ahead
from tests.integration.sync.family import (
    ACTIVE,
    CONTACT,
    MEMBERSHIP,
    RESOURCE,
    Family,
    sponsor_matches_again,
    sponsored_family,
    the,
)
from tests.integration.sync.held_up import ReadAhead
from tests.integration.sync.interleaving import ONE_PAGE
from tests.integration.sync.walks import replay_now

ANN, BOB, GOLD = the("ann"), the("bob"), the("gold")
TITLED: dict[str, Any] = {"fields": [{"from": "lastname", "to": "lastName"}, {"from": "jobtitle", "to": "cusJobTitle"}]}


def written(family: Family, table: str, record_id: str, field: str) -> list[object]:
    """What came to Campaign of a field, in this order."""
    return [
        event.body[field]
        for event in family.campaign.events
        if (event.resource, event.key) == (RESOURCE[table], record_id) and field in event.body
    ]


@pytest.fixture
def waits_under_an_old_mapping(family: Family) -> None:
    """Ann waits as she was read first, changed once since then, and her table is to be read under another mapping."""
    family.start(new_membership=None, new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="1")
    family.read(CONTACT)
    family.dynamics.put(CONTACT, ANN, lastname="2")
    family.start(contact=TITLED)


@pytest.mark.usefixtures("waits_under_an_old_mapping")
def test_what_is_read_anew_for_its_mapping_is_not_followed_by_an_older_page(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a page of the full read that was fetched, and is about to be stored
    reader = ReadAhead(family, CONTACT, monkeypatch)
    reader.begin()
    # When she changes, a writer comes to what waits of her, and the page is stored after that
    family.dynamics.put(CONTACT, ANN, lastname="3")
    family.write(CONTACT)
    reader.end()
    family.write(CONTACT)
    family.settle()
    # Then nothing older came after anything newer, and Campaign has the newest
    names = written(family, CONTACT, ANN, "lastName")
    assert (names, names[-1:]) == (sorted(map(str, names)), ["3"])


@pytest.mark.usefixtures("waits_under_an_old_mapping")
def test_what_is_read_anew_for_its_mapping_and_deleted_before_reading_has_seen_it_is_deleted(family: Family) -> None:
    # Given that she changed, and was written as she is now, before reading has seen that
    family.write(CONTACT)
    assert written(family, CONTACT, ANN, "lastName") == ["2"]
    # When she is deleted, and all that reading ever tells of her is that
    family.dynamics.remove(CONTACT, ANN)
    family.settle()
    # Then she is gone, in a version that is newer than what was written and older than whatever restores her
    [entry] = family.workflow.queue(CONTACT).ledger.entries([ANN])
    assert family.held(CONTACT) == {}
    assert entry is not None and Position.row_version(2) < entry.version < Position.row_version(3)


def test_a_child_that_is_deleted_and_gone_before_it_is_told_to_follow_does_not_come_back(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a sponsor who is back, and his membership, with a change that nobody has read
    sponsor_matches_again(family)
    family.dynamics.put(MEMBERSHIP, GOLD, new_name="1")
    family.read(CONTACT)
    linked, found = family.dynamics.linked, list[str]()

    def then_gone(table: DynamicsTable, lookup: str, *args: Any, **options: Any) -> Page:
        page = linked(table, lookup, *args, **options)
        if lookup == "new_sponsorid" and page.rows and not found:
            found.extend(row.id for row in page.rows)
            family.dynamics.remove(MEMBERSHIP, GOLD)
            family.carry(MEMBERSHIP)
            assert family.held(MEMBERSHIP) == {}
        return page

    # When it is deleted right after it was fetched, and that is read and written before it is queued
    monkeypatch.setattr(family.dynamics, "linked", then_gone)
    family.write(CONTACT)
    family.settle()
    # Then it is not in Campaign
    assert (found, family.held(MEMBERSHIP)) == ([GOLD], {})


def test_a_copy_of_a_replay_that_is_older_than_what_was_written_ahead_is_written_as_the_record_is_now(
    family: Family,
) -> None:
    # Given a copy that waits for a replay, of a contact that was written in a newer version meanwhile
    family.start(new_membership=None, new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="1")
    family.settle()
    replay_now(family)
    family.read(CONTACT)
    written_ahead(family.redis, family.workflow.queue(CONTACT), ANN)
    family.dynamics.put(CONTACT, ANN, lastname="2")
    # When it is its turn
    family.write(CONTACT)
    # Then the replay is not lost, and brings nothing old
    assert written(family, CONTACT, ANN, "lastName") == ["1", "2"]


def test_a_full_queue_of_what_reading_is_yet_to_bring_becomes_empty(redis: Redis) -> None:
    # Given a queue at its high-water mark, full of contacts under an old mapping, and all of them have changed
    family = Family(redis, high_water=3)
    family.start(new_membership=None, new_invoice=None)
    everybody = {the(f"contact {number}") for number in range(3)}
    for record_id in everybody:
        family.dynamics.put(CONTACT, record_id, lastname="1")
    family.read(CONTACT)
    family.start(contact=TITLED)
    for record_id in everybody:
        family.dynamics.put(CONTACT, record_id, lastname="2")
    # When they are written
    family.settle()
    # Then all of them are there as they are now
    assert {record_id: held["lastName"] for record_id, held in family.held(CONTACT).items()} == dict.fromkeys(
        everybody, "2"
    )


def test_a_batch_of_which_not_all_can_be_asked_for_in_time_is_written_part_by_part(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given 200 contacts that wait under an old mapping, and a Dynamics that takes 20 seconds to tell how 50 of them are
    family.start(new_membership=None, new_invoice=None)
    everybody = {the(f"contact {number}") for number in range(200)}
    for record_id in everybody:
        family.dynamics.put(CONTACT, record_id, lastname="1")
    family.read(CONTACT)
    family.start(contact=TITLED)
    asked: list[int] = []
    linked = family.dynamics.linked

    def linked_late(table: DynamicsTable, lookup: str, ids: Sequence[str], *args: Any, **options: Any) -> Page:
        asked.append(len(ids))
        return linked(table, lookup, ids, *args, **options)

    monkeypatch.setattr(family.dynamics, "linked", linked_late)
    for clock in ("sync.writing.uptime", "sync.batch_writer.uptime", "sync.tables.anew.monotonic"):
        monkeypatch.setattr(clock, lambda: uptime() + 20 * len(asked))
    # When they are written, all in one batch, under a lease of a minute
    family.write(CONTACT, batch_size=200)
    # Then some are, and the others follow
    assert (asked, len(family.held(CONTACT))) == ([50], 50)
    for _ in range(3):
        family.hurry(CONTACT)
        family.write(CONTACT, batch_size=200)
    assert family.held(CONTACT).keys() == everybody


def test_a_child_that_follows_its_parent_is_not_followed_by_an_older_page(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a sponsor who is back, and a page of memberships that was fetched, and is about to be stored
    sponsor_matches_again(family)
    family.dynamics.put(MEMBERSHIP, GOLD, new_name="1")
    reader = ReadAhead(family, MEMBERSHIP, monkeypatch)
    reader.begin()
    # When one of his changes, his children are told to follow and are written, and the page is stored after that
    family.dynamics.put(MEMBERSHIP, GOLD, new_name="2")
    family.carry(CONTACT)
    family.write(MEMBERSHIP)
    reader.end()
    family.write(MEMBERSHIP)
    family.settle()
    # Then nothing older came after anything newer, and it leads to him with its newest name
    names = written(family, MEMBERSHIP, GOLD, "number")
    assert names[1:] == sorted(map(str, names[1:])) and names[-1] == "2"
    assert family.held(MEMBERSHIP)[GOLD]["sponsor"] == BOB


def test_what_a_replay_writes_ahead_of_reading_is_known_in_its_own_version(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact that changes after reading has caught up, just before the replay comes to it
    family.start(new_membership=None, new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="1")
    family.settle()
    replay_now(family)
    scan = family.dynamics.scan

    def after_a_change(*args: Any, **options: Any) -> Page:
        family.dynamics.put(CONTACT, ANN, lastname="2")
        return scan(*args, **options)

    monkeypatch.setattr(family.dynamics, "scan", after_a_change)
    family.read(CONTACT, ONE_PAGE)
    # When it is written
    family.write(CONTACT)
    # Then the ledger does not take it for the version that reading had seen
    [entry] = family.workflow.queue(CONTACT).ledger.entries([ANN])
    assert written(family, CONTACT, ANN, "lastName") == ["1", "2"]
    assert entry is not None and entry.version == Position.row_version(2)


def test_a_child_that_has_followed_ahead_of_reading_leaves_with_its_parent_again(family: Family) -> None:
    # Given a membership that followed its contact, in a version that reading has yet to see
    sponsored_family(family)
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.settle()
    family.dynamics.put(CONTACT, ANN, statecode=0)
    family.dynamics.put(MEMBERSHIP, GOLD, new_name="1")
    family.carry(CONTACT)
    family.write(MEMBERSHIP)
    assert family.held(MEMBERSHIP)[GOLD]["number"] == "1"
    # When the contact leaves again
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.carry(CONTACT)
    family.settle()
    # Then both have left, the membership first
    assert (family.held(MEMBERSHIP), set(family.held(CONTACT)), family.orphaned()) == ({}, {BOB}, [])


def active_contact(family: Family) -> None:
    """Ann and her membership are in Campaign; a contact that is not active is deleted there."""
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": True}, new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="1", statecode=0)
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.settle()


def test_a_version_that_is_passed_over_takes_no_replay_away_from_its_record(family: Family) -> None:
    # Given a contact that waits to be deleted, since it does not match, was written ahead of that, and is replayed
    active_contact(family)
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.read(CONTACT)
    written_ahead(family.redis, family.workflow.queue(CONTACT), ANN)
    family.workflow.repeats(CONTACT).add([ANN])
    # When it is passed over
    family.write(CONTACT)
    assert family.workflow.queue(CONTACT).backlog().total == 0
    # Then its copy, which is yet to come, will be written
    assert family.workflow.repeats(CONTACT).among([ANN]) == {ANN}


def test_a_deletion_of_a_record_that_is_back_and_does_not_match_is_left_to_reading(family: Family) -> None:
    # Given a contact whose deletion waits, which was written ahead of that, and is back in a way that does not match
    active_contact(family)
    family.dynamics.remove(CONTACT, ANN)
    family.read(CONTACT)
    written_ahead(family.redis, family.workflow.queue(CONTACT), ANN)
    family.dynamics.put(CONTACT, ANN, lastname="1", statecode=1)
    # When its turn comes
    family.write(CONTACT)
    # Then nobody is told to leave or to follow before that was read
    assert [family.workflow.queue(table).backlog().total for table in (CONTACT, MEMBERSHIP)] == [0, 0]
    assert (set(family.held(CONTACT)), set(family.held(MEMBERSHIP))) == ({ANN}, {GOLD})


def test_a_copy_of_a_record_that_matches_a_new_filter_no_more_leaves_no_mark_behind(family: Family) -> None:
    # Given a copy that waits for a replay
    family.start(new_membership=None, new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="1", statecode=1)
    family.settle()
    replay_now(family)
    family.read(CONTACT)
    assert family.workflow.repeats(CONTACT).among([ANN]) == {ANN}
    # When the next run has a filter that it does not match
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": False})
    family.write(CONTACT)
    family.settle()
    # Then no change will ever be taken for its replay
    assert family.workflow.repeats(CONTACT).among([ANN]) == set()


def test_a_deletion_of_a_record_that_is_back_takes_no_replay_away_from_it(family: Family) -> None:
    # Given a contact that is replayed and restored, and whose deletion took the place of its copy
    active_contact(family)
    family.dynamics.remove(CONTACT, ANN)
    family.read(CONTACT)
    written_ahead(family.redis, family.workflow.queue(CONTACT), ANN)
    family.workflow.repeats(CONTACT).add([ANN])
    family.dynamics.put(CONTACT, ANN, lastname="1", statecode=0)
    # When the deletion is left to reading
    family.write(CONTACT)
    # Then she will be written
    assert family.workflow.queue(CONTACT).backlog().total == 0
    assert family.workflow.repeats(CONTACT).among([ANN]) == {ANN}


def test_a_child_that_follows_under_a_mapping_of_before_still_follows(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a sponsor who is back, and his membership, which waits to follow him, and was found unchanged meanwhile
    sponsor_matches_again(family)
    family.carry(CONTACT)
    queue = family.workflow.queue(MEMBERSHIP)
    [entry] = queue.ledger.entries([GOLD])
    # When the next run reads memberships under another mapping, which makes the same of it
    family.start_anew(MEMBERSHIP)
    believed = family.streams[MEMBERSHIP].target.prepare(
        Leased(GOLD, 0, 0, Lane.LIVE, queue.peek(GOLD) or b"", 0, 0), None
    )
    assert isinstance(believed, Send) and believed.entry is not None and entry is not None
    field = field_of(GOLD)
    family.redis.hset(
        queue.ledger.bucket_of(field), field, entry._replace(fingerprint=believed.entry.fingerprint).pack()
    )
    family.write(MEMBERSHIP)
    # Then it leads to him again
    assert family.held(MEMBERSHIP)[GOLD]["sponsor"] == BOB


def test_a_parent_that_dynamics_has_no_answer_for_goes_on_with_its_children_where_it_was(family: Family) -> None:
    # Given a contact that is back, whose children were asked for up to some page; it is to be asked for anew
    active_contact(family)
    family.dynamics.put(CONTACT, ANN, lastname="2")
    family.read(CONTACT)
    written_ahead(family.redis, family.workflow.queue(CONTACT), ANN)
    family.workflow.repeats(CONTACT).add([ANN])
    places, place = family.workflow.following(CONTACT), f"{family.generation} returns 0 1 0 0 linked:{ANN}:{GOLD}"
    places.put({ANN: place})
    # When Dynamics has no answer
    family.dynamics.failing = Unavailable("dynamics", "no answer", wait=1)
    family.write(CONTACT)
    # Then it is known how far that was
    assert family.workflow.queue(CONTACT).backlog().delayed == 1
    assert places.of([ANN]) == {ANN: place}
