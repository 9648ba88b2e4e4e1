"""What happens to children that their reader has not come to yet, while a parent of theirs leaves or is back."""

import threading
from typing import Any

import pytest

from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_pages import Page
from store.record_queue import RecordQueue, Stored
from sync.tables import following
from tests.integration.sync.family import (
    ACTIVE,
    CONTACT,
    MEMBERSHIP,
    Family,
    sponsor_matches_again,
    sponsored_family,
    the,
)
from tests.integration.sync.held_up import ReadAhead

ANN, BOB, GOLD = the("ann"), the("bob"), the("gold")
FIRST = {"all": [{"field": "new_points", "is": "equals", "value": 1}]}


def told_to_leave(family: Family) -> None:
    """Ann stops matching; her membership is queued to leave before her, and has a change that nobody has read."""
    sponsored_family(family)
    family.dynamics.put(MEMBERSHIP, GOLD, new_name="changed")
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.carry(CONTACT)


def matches_again(family: Family) -> None:
    """Ann left with her membership, of those with one point, and is back; nobody has written that yet."""
    matching = {"filter": FIRST, "delete_filtered_out": True}
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": True}, new_membership=matching)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.dynamics.put(CONTACT, BOB, lastname="Bob", statecode=0)
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN, new_points=1)
    family.settle()
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.settle()
    assert family.held(MEMBERSHIP) == {}
    family.dynamics.put(CONTACT, ANN, statecode=0)
    family.read(CONTACT)


@pytest.mark.parametrize("stays", [True, False])
def test_a_child_that_was_told_to_leave_and_is_deleted_then_does_not_stay(family: Family, stays: bool) -> None:
    # Given a membership that is queued to leave with its contact
    told_to_leave(family)
    # When it is deleted in Dynamics, and its contact stays after all, or is deleted, too
    family.dynamics.remove(MEMBERSHIP, GOLD)
    if stays:
        family.dynamics.put(CONTACT, ANN, statecode=0)
    else:
        family.dynamics.remove(CONTACT, ANN)
    family.settle()
    # Then the membership is gone, before its contact
    assert (family.held(MEMBERSHIP), family.orphaned()) == ({}, [])
    assert (ANN in family.held(CONTACT)) == stays


def test_a_child_that_was_told_to_leave_and_written_after_all_does_not_outlast_its_deletion(family: Family) -> None:
    # Given a membership that was to leave with its contact, and was written since that stays
    told_to_leave(family)
    family.dynamics.put(CONTACT, ANN, statecode=0)
    family.hurry(CONTACT)
    family.carry(CONTACT)
    family.write(MEMBERSHIP)
    assert family.held(MEMBERSHIP)[GOLD]["number"] == "changed"
    # When it is deleted, before anybody has read that it had changed
    family.dynamics.remove(MEMBERSHIP, GOLD)
    family.settle()
    # Then it is gone
    assert family.held(MEMBERSHIP) == {}


@pytest.mark.parametrize("how", ["deleted", "filtered out"])
def test_a_child_that_its_reader_has_passed_over_and_not_yet_stored_does_not_come_back(
    family: Family, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    # Given a contact that is back
    matches_again(family)
    reader, linked, bring_along = (
        ReadAhead(family, MEMBERSHIP, monkeypatch),
        family.dynamics.linked,
        following.Family.bring_along,
    )
    asked: list[str] = []

    def linked_then_gone(table: DynamicsTable, *args: Any, **options: Any) -> Page:
        page = linked(table, *args, **options)
        if not asked:
            asked.extend(row.id for row in page.rows)
            if how == "deleted":
                family.dynamics.remove(MEMBERSHIP, GOLD)
            else:
                family.dynamics.put(MEMBERSHIP, GOLD, new_points=0)
            reader.begin()
        return page

    def bring_along_first(self: following.Family, *args: Any) -> bool:
        come = bring_along(self, *args)
        reader.end()
        return come

    # When it goes as soon as it was fetched, its reader finds that nobody knows of it, and stores its page at last
    monkeypatch.setattr(family.dynamics, "linked", linked_then_gone)
    monkeypatch.setattr(following.Family, "bring_along", bring_along_first)
    family.write(CONTACT)
    family.settle()
    # Then it is not in Campaign
    assert (asked, family.held(MEMBERSHIP)) == ([GOLD], {})


def test_a_child_that_is_led_elsewhere_and_stops_matching_while_it_is_fetched_to_follow_does_not_come_back(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact that is back
    matches_again(family)
    linked, asked = family.dynamics.linked, list[str]()

    def then_led_elsewhere(table: DynamicsTable, *args: Any, **options: Any) -> Page:
        page = linked(table, *args, **options)
        if table.name == MEMBERSHIP and page.rows and not asked:
            asked.extend(row.id for row in page.rows)
            family.dynamics.put(MEMBERSHIP, GOLD, new_points=0, new_contactid=BOB)
            family.read(MEMBERSHIP)  # which passes it over: nobody knows of it
        return page

    # When its membership goes to another contact and stops matching, right after it was fetched
    monkeypatch.setattr(family.dynamics, "linked", then_led_elsewhere)
    family.write(CONTACT)
    family.settle()
    # Then it is not written as it was
    assert (asked, family.held(MEMBERSHIP)) == ([GOLD], {})


def test_a_child_that_is_restored_while_it_is_looked_for_stays(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a contact that is back, and its membership, which is deleted right after it was fetched
    matches_again(family)
    linked, found = family.dynamics.linked, list[int]()

    def deleted_and_restored(table: DynamicsTable, lookup: str, *args: Any, **options: Any) -> Page:
        asked_for = (table.name, lookup) == (MEMBERSHIP, "new_membershipid") and not found
        if asked_for:
            family.dynamics.remove(MEMBERSHIP, GOLD)
        page = linked(table, lookup, *args, **options)
        if asked_for:
            found.append(len(page.rows))
            # When it is restored while the answer that it is not there is on its way, and that is read
            family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN, new_points=1)
            family.read(MEMBERSHIP)
        return page

    monkeypatch.setattr(family.dynamics, "linked", deleted_and_restored)
    family.write(CONTACT)
    family.settle()
    # Then it is in Campaign
    assert (found, set(family.held(MEMBERSHIP))) == ([0], {GOLD})


def test_a_child_that_does_not_match_and_was_told_to_leave_with_a_parent_that_stays_leaves_all_the_same(
    family: Family,
) -> None:
    # Given a membership that stopped matching, which was read, and waits to leave with its contact instead
    matching = {"filter": FIRST, "delete_filtered_out": True}
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": True}, new_membership=matching)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN, new_points=1)
    family.settle()
    family.dynamics.put(MEMBERSHIP, GOLD, new_points=0)
    family.read(MEMBERSHIP)
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.carry(CONTACT)
    # When the contact stays after all
    family.dynamics.put(CONTACT, ANN, statecode=0)
    family.settle()
    # Then the membership has left
    assert (set(family.held(CONTACT)), family.held(MEMBERSHIP)) == ({ANN}, {})


def test_a_child_that_waits_for_its_parent_is_asked_for_when_it_is_sent(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a sponsor who is back
    sponsor_matches_again(family)
    linked, bring_along = family.dynamics.linked, following.Family.bring_along
    lookups: list[str] = []

    def noted(table: DynamicsTable, lookup: str, *args: Any, **options: Any) -> Page:
        lookups.append(lookup)
        return linked(table, lookup, *args, **options)

    def then_written(self: following.Family, *args: Any) -> bool:
        come = bring_along(self, *args)
        # When his membership's turn comes before he is confirmed
        family.write(MEMBERSHIP)
        assert family.parked(MEMBERSHIP) == {GOLD}
        return come

    monkeypatch.setattr(family.dynamics, "linked", noted)
    monkeypatch.setattr(following.Family, "bring_along", then_written)
    family.carry(CONTACT)
    # Then it waits without a question, and is asked for once it is sent
    assert "new_membershipid" not in lookups
    family.settle()
    assert lookups.count("new_membershipid") == 1
    assert family.held(MEMBERSHIP)[GOLD]["sponsor"] == BOB


@pytest.mark.parametrize("when", ["before the answer", "after the answer", "before it is queued"])
@pytest.mark.parametrize("mapped", [True, False], ids=["mapped", "not mapped"])
def test_a_child_that_changes_while_it_is_fetched_to_follow_leads_to_its_parent_again(
    family: Family, monkeypatch: pytest.MonkeyPatch, mapped: bool, when: str
) -> None:
    # Given a sponsor who left and is back; Campaign has emptied the link to him
    sponsored_family(family)
    family.dynamics.put(CONTACT, BOB, statecode=1)
    family.settle()
    assert family.held(MEMBERSHIP)[GOLD]["sponsor"] is None
    family.dynamics.put(CONTACT, BOB, statecode=0)
    family.read(CONTACT)
    linked, feed, asked = family.dynamics.linked, RecordQueue.feed, list[str]()

    def touch(moment: str) -> None:
        if when == moment and moment not in asked:
            asked.append(moment)
            family.dynamics.put(MEMBERSHIP, GOLD, **({"new_name": "changed"} if mapped else {"new_points": 5}))
            family.carry(MEMBERSHIP)  # another process reads and writes it; without the link, if at all

    def slow(table: DynamicsTable, lookup: str, *args: Any, **options: Any) -> Page:
        sponsored = (table.name, lookup) == (MEMBERSHIP, "new_sponsorid")
        if sponsored:
            touch("before the answer")
        page = linked(table, lookup, *args, **options)
        if sponsored:
            touch("after the answer")
        return page

    def feed_late(queue: RecordQueue, *args: Any) -> Stored:
        touch("before it is queued")
        return feed(queue, *args)

    monkeypatch.setattr(family.dynamics, "linked", slow)
    monkeypatch.setattr(RecordQueue, "feed", feed_late)
    # When his memberships are asked for, and meanwhile one of them is read in another version
    family.write(CONTACT)
    family.settle()
    # Then it leads to him again, and is as it was read
    assert (asked, set(family.held(CONTACT))) == ([when], {ANN, BOB})
    held = family.held(MEMBERSHIP)[GOLD]
    assert (held["sponsor"], held["number"]) == (BOB, "changed" if mapped else "")


def test_a_child_that_is_found_unchanged_while_it_is_told_to_follow_leads_to_its_parent_again(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a sponsor who left and is back; Campaign has emptied the link to him
    sponsor_matches_again(family)
    family.read(CONTACT)
    linked, settle, feed = family.dynamics.linked, RecordQueue.settle, RecordQueue.feed
    about_to_settle, goes_on = threading.Event(), threading.Event()
    other = threading.Thread(target=family.write, args=[MEMBERSHIP], daemon=True)

    def settle_late(queue: RecordQueue, *args: Any) -> set[str]:
        if queue.keys.records == family.workflow.queue(MEMBERSHIP).keys.records and not goes_on.is_set():
            about_to_settle.set()
            assert goes_on.wait(10)
        return settle(queue, *args)

    def slow(table: DynamicsTable, lookup: str, *args: Any, **options: Any) -> Page:
        page = linked(table, lookup, *args, **options)
        if (table.name, lookup) == (MEMBERSHIP, "new_sponsorid") and not about_to_settle.is_set():
            # When his membership is read meanwhile, and somebody is about to say that nothing of it differs
            family.dynamics.put(MEMBERSHIP, GOLD, new_points=5)
            family.read(MEMBERSHIP)
            other.start()
            assert about_to_settle.wait(10)
        return page

    def feed_first(queue: RecordQueue, *args: Any) -> Stored:
        stored = feed(queue, *args)
        if other.ident and args[1]:
            goes_on.set()
            other.join(10)
        return stored

    monkeypatch.setattr(family.dynamics, "linked", slow)
    monkeypatch.setattr(RecordQueue, "settle", settle_late)
    monkeypatch.setattr(RecordQueue, "feed", feed_first)
    family.write(CONTACT)
    family.settle()
    # Then it leads to him again
    assert goes_on.is_set()
    assert family.held(MEMBERSHIP)[GOLD]["sponsor"] == BOB
