"""The children of a parent that leaves or is back follow however many they are, a little at a time."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_pages import Page
from connectors.errors import CursorExpired, Malformed, Refused, Unreachable
from connectors.uptime import uptime
from store.ledger import Standing
from store.record_queue import Unsent
from sync.batch_writer import BatchWriter
from sync.streams import Slice
from sync.writing import write_slice
from tests.integration.sync.family import ACTIVE, CONTACT, MAPPINGS, MEMBERSHIP, TABLES, Family, the

ANN, BOB = the("ann"), the("bob")
MANY = [the(f"membership {number}") for number in range(12)]


class ShortSlices:
    """Slices of writing that are over while the first question for children is under way."""

    def __init__(self, family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
        self.family = family
        self.asked = 0
        self._over = threading.Event()
        look, linked = BatchWriter._look, family.dynamics.linked

        def look_and_tell(writer: BatchWriter) -> None:
            look(writer)
            self._over.set()

        def linked_meanwhile(table: DynamicsTable, *args: Any, **options: Any) -> Any:
            self.asked += 1
            assert self._over.wait(10)
            return linked(table, *args, **options)

        monkeypatch.setattr(BatchWriter, "_look", look_and_tell)
        monkeypatch.setattr(family.dynamics, "linked", linked_meanwhile)

    def write(self, table: str) -> None:
        family = self.family
        self._over.clear()
        family.hurry(table)
        piece = Slice(0, lambda: False)
        write_slice(family.streams[table], family.streams, family.workflow, family.generation, 0, piece, 60.0, 100)


def large_family(family: Family) -> None:
    """Ann left with her twelve memberships, and matches again; three of them are told at once."""
    family.dynamics.page_size = 3
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": True})
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    for membership in MANY:
        family.dynamics.put(MEMBERSHIP, membership, new_contactid=ANN)
    family.settle()
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.settle()
    assert (family.held(CONTACT), family.held(MEMBERSHIP)) == ({}, {})
    family.dynamics.put(CONTACT, ANN, statecode=0)
    family.read(CONTACT)


def half_told(family: Family, monkeypatch: pytest.MonkeyPatch, slices: int) -> None:
    """Of the large family so many slices have told some to follow."""
    large_family(family)
    with monkeypatch.context() as patched:
        short = ShortSlices(family, patched)
        for _ in range(slices):
            short.write(CONTACT)


def test_a_family_that_is_too_large_for_one_slice_follows_in_several(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact that is back, with more memberships than one slice can ask for
    large_family(family)
    slices = ShortSlices(family, monkeypatch)
    for _ in range(3):
        slices.write(CONTACT)
        family.write(MEMBERSHIP)
    # Then none is written before all of them are queued, since the contact is not confirmed before
    assert (family.held(MEMBERSHIP), len(family.parked(MEMBERSHIP)) > 3) == ({}, True)
    # When some of them are deleted meanwhile, of those that were queued and of those that were not
    gone = {sorted(MANY)[0], sorted(MANY)[-1]}
    for membership in gone:
        family.dynamics.remove(MEMBERSHIP, membership)
    family.read(MEMBERSHIP)
    # And slice follows slice
    for _ in range(10):
        slices.write(CONTACT)
        family.write(MEMBERSHIP)
    # Then the contact is confirmed, and all others are back
    assert family.workflow.queue(CONTACT).ledger.present([ANN]) == {ANN}
    assert family.held(MEMBERSHIP).keys() == set(MANY) - gone
    assert [event.missing for event in family.campaign.events if event.missing] == []
    # And nothing is kept of how far that had come
    assert family.workflow.following(CONTACT).of([ANN]) == {}
    assert family.workflow.leaving(CONTACT).among([ANN]) == set()


def test_a_family_whose_parent_was_deleted_in_campaign_is_linked_again_in_several_slices(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact that somebody has deleted in Campaign, with more memberships than one slice can ask for
    family.dynamics.page_size = 3
    family.start()
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    for membership in MANY:
        family.dynamics.put(MEMBERSHIP, membership, new_contactid=ANN)
    family.settle()
    family.campaign.lose("profile", ANN)
    # When it changes, and is made anew
    family.dynamics.put(CONTACT, ANN, lastname="Anne")
    family.read(CONTACT)
    slices = ShortSlices(family, monkeypatch)
    for _ in range(6):
        slices.write(CONTACT)
        family.write(MEMBERSHIP)
    # Then all of them lead to the new one
    assert {membership["holder"] for membership in family.held(MEMBERSHIP).values()} == {ANN}


def test_a_family_that_leaves_again_halfway_follows_from_its_first_child_on(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact that is back, of whose memberships some have been told to follow
    half_told(family, monkeypatch, slices=2)
    # When it stops matching, and all leave with it
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.settle()
    assert (family.held(CONTACT), family.held(MEMBERSHIP), family.parked(MEMBERSHIP)) == ({}, {}, set())
    # And matches once more
    family.dynamics.put(CONTACT, ANN, statecode=0)
    family.settle()
    # Then all of them are back
    assert family.held(MEMBERSHIP).keys() == set(MANY)


def test_a_family_whose_parent_was_refused_halfway_follows_from_its_first_child_on(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact that is back, and was refused when some of its memberships had been told to follow
    half_told(family, monkeypatch, slices=1)
    family.write(MEMBERSHIP)

    def refuse(method: str, resource: str) -> None:
        raise Refused("campaign", "the value is not valid")

    family.campaign.before = refuse
    family.hurry(CONTACT)
    family.write(CONTACT)
    family.campaign.before = lambda method, resource: None
    # When these were set aside, and it is retried
    family.let_limit_pass(MEMBERSHIP)
    family.write(MEMBERSHIP)
    assert (len(family.dead(CONTACT)), len(family.dead(MEMBERSHIP)), family.parked(MEMBERSHIP)) == (1, 3, set())
    family.workflow.queue(CONTACT).revive([ANN])
    family.settle()
    # Then all of them are back
    assert family.held(MEMBERSHIP).keys() == set(MANY)


def test_a_family_whose_place_is_not_known_any_more_follows_from_its_first_child_on(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact that is back, of whose memberships some have been told to follow
    half_told(family, monkeypatch, slices=1)
    linked, refused = family.dynamics.linked, list[str]()

    def linked_anew(
        table: DynamicsTable, lookup: str, ids: Sequence[str], columns: Sequence[str], link: str = "", **options: Any
    ) -> Page:
        if link and "" not in refused:
            refused.append(link)
            raise CursorExpired("dynamics", "the link has expired")
        refused.append(link)
        return linked(table, lookup, ids, columns, link, **options)

    # When Dynamics does not serve the link to the others any more
    monkeypatch.setattr(family.dynamics, "linked", linked_anew)
    family.hurry(CONTACT)
    family.write(CONTACT)
    assert family.workflow.queue(CONTACT).ledger.present([ANN]) == set()
    # Then all of them are back all the same
    family.settle()
    assert refused[0] and family.held(MEMBERSHIP).keys() == set(MANY)
    assert family.dead(CONTACT) == {}


def test_a_place_means_nothing_after_a_restart_under_another_mapping(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a sponsor who left and is back, of whom it was asked whether he holds a membership, and not yet for more
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": True})
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.dynamics.put(CONTACT, BOB, lastname="Bob", statecode=0)
    family.dynamics.put(MEMBERSHIP, MANY[0], new_contactid=ANN, new_sponsorid=BOB)
    family.settle()
    family.dynamics.put(CONTACT, BOB, statecode=1)
    family.settle()
    assert family.held(MEMBERSHIP)[MANY[0]]["sponsor"] is None
    family.dynamics.put(CONTACT, BOB, statecode=0)
    family.read(CONTACT)
    with monkeypatch.context() as patched:
        ShortSlices(family, patched).write(CONTACT)
    # When the links stand in another order after a restart
    family.start(new_membership={"links": MAPPINGS[MEMBERSHIP]["links"][::-1]})
    family.settle()
    # Then the membership leads to him again
    assert family.held(MEMBERSHIP)[MANY[0]]["sponsor"] == BOB


def test_a_torn_answer_in_the_middle_of_a_family_costs_no_more_than_its_page(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact that is back, of whose memberships some were queued
    large_family(family)
    places: list[str] = []
    linked = family.dynamics.linked

    def torn_the_third_time(table: DynamicsTable, *args: Any, **options: Any) -> Any:
        places.append(family.workflow.following(CONTACT).of([ANN]).get(ANN, ""))
        if len(places) == 3:
            raise Malformed("dynamics", "the answer is not whole")
        return linked(table, *args, **options)

    monkeypatch.setattr(family.dynamics, "linked", torn_the_third_time)
    # When an answer of Dynamics is torn, and asked for once more
    family.write(CONTACT)
    family.settle()
    # Then it goes on from there, and all are back
    assert places[2] and places[3] == places[2]
    assert family.held(MEMBERSHIP).keys() == set(MANY)


class SlowPages:
    """A Dynamics that takes forty seconds for each page of children: two of them are too many for one lease."""

    def __init__(self, family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
        self.family = family
        self.asked = 0
        self.asked_about: Counter[str] = Counter()  #: pages, by parent
        linked = family.dynamics.linked

        def linked_late(table: DynamicsTable, lookup: str, ids: Sequence[str], *args: Any, **options: Any) -> Page:
            self.asked += 1
            self.asked_about.update(ids)
            return linked(table, lookup, ids, *args, **options)

        for clock in ("sync.batch_writer.uptime", "sync.sorting.uptime"):
            monkeypatch.setattr(clock, lambda: uptime() + 40 * self.asked)
        monkeypatch.setattr(family.dynamics, "linked", linked_late)

    def write(self, table: str) -> int:
        """One slice; how many pages were asked for."""
        family, asked, piece = self.family, self.asked, Slice(1, lambda: False)
        family.hurry(table)
        write_slice(family.streams[table], family.streams, family.workflow, family.generation, 0, piece, 60.0, 100)
        return self.asked - asked

    def write_rounds(self, how_many: int) -> None:
        for _ in range(how_many):
            for table in TABLES:
                self.family.read(table)
            for table in TABLES:
                self.write(table)


def leaving_family(family: Family) -> None:
    """Ann stops matching and is to leave after her twelve memberships; three of them are told at once."""
    family.dynamics.page_size = 3
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": True})
    for contact, name in ((ANN, "Ann"), (BOB, "Bob")):
        family.dynamics.put(CONTACT, contact, lastname=name, statecode=0)
    for membership in MANY:
        family.dynamics.put(MEMBERSHIP, membership, new_contactid=ANN)
    family.settle()
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.read(CONTACT)


def holders(family: Family) -> dict[str, str]:
    """The contact that each membership leads to in Campaign."""
    return {one: membership["holder"] for one, membership in family.held(MEMBERSHIP).items()}


def standing(family: Family) -> Standing:
    """What the ledger says of Ann."""
    [entry] = family.workflow.queue(CONTACT).ledger.entries([ANN])
    assert entry is not None
    return entry.standing


def test_a_family_that_is_too_large_for_one_lease_leaves_a_page_at_a_time(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact that is to leave, with more memberships than can be asked for while one lease runs
    leaving_family(family)
    slow = SlowPages(family, monkeypatch)
    # When it is written beside another that has changed
    family.dynamics.put(CONTACT, BOB, lastname="Robert")
    family.read(CONTACT)
    pages = slow.write(CONTACT)
    # Then the first page of its memberships is to leave, and the other contact has waited for no more
    assert (pages, family.workflow.queue(MEMBERSHIP).total()) == (1, 3)
    assert family.held(CONTACT)[BOB]["lastName"] == "Robert"
    # And as the pages follow, it stays as long as any of them does, without an attempt that counts
    for _ in range(12):
        assert slow.write(CONTACT) == 1
    assert (family.workflow.queue(MEMBERSHIP).total(), set(family.held(CONTACT))) == (12, {ANN, BOB})
    assert family.counts(CONTACT).get("refused", 0) == 0
    # And goes after them
    slow.write_rounds(15)
    assert (set(family.held(CONTACT)), family.held(MEMBERSHIP), family.orphaned()) == ({BOB}, {}, [])
    # And nothing is kept of how far that had come
    assert family.workflow.following(CONTACT).of([ANN]) == {}


def test_small_families_do_not_wait_for_a_large_one_that_leaves_with_them(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact with many pages of memberships, and one with none
    leaving_family(family)
    family.dynamics.page_size = 1
    slow = SlowPages(family, monkeypatch)
    # When both are to leave at once
    family.dynamics.put(CONTACT, BOB, statecode=1)
    family.read(CONTACT)
    family.read(MEMBERSHIP)
    for _ in range(20):
        slow.write(CONTACT)
    # Then the one leaves, while the memberships of the other are not written
    assert set(family.held(CONTACT)) == {ANN}
    # And it was asked for together with the other, alone, and once more after that was announced
    assert slow.asked_about[BOB] == 3


def test_a_large_family_waits_for_its_first_memberships_although_the_last_have_left(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact that leaves and waits no longer for what is stuck, of whose memberships the first are
    leaving_family(family)
    family.streams[CONTACT] = replace(family.streams[CONTACT], park_limit_s=0)
    slow = SlowPages(family, monkeypatch)
    slow.write(CONTACT)
    batch = family.workflow.queue(MEMBERSHIP).lease(family.generation, 100, 60_000)
    assert {record.id for record in batch.records} == set(sorted(MANY)[:3])
    # When all others have left, and time goes by
    slow.write_rounds(20)
    # Then it is there with these
    assert (set(family.held(CONTACT)), set(family.held(MEMBERSHIP))) == ({ANN, BOB}, set(sorted(MANY)[:3]))
    # And follows them
    family.workflow.queue(MEMBERSHIP).settle(batch.number, [Unsent(record.id) for record in batch.records])
    slow.write_rounds(15)
    assert (set(family.held(CONTACT)), family.held(MEMBERSHIP), family.orphaned()) == ({BOB}, {}, [])


@pytest.mark.parametrize("announced", [False, True])
def test_a_membership_that_comes_behind_the_pages_that_were_told_does_not_outlast_its_contact(
    family: Family, monkeypatch: pytest.MonkeyPatch, announced: bool
) -> None:
    # Given a contact that leaves, of whose memberships some have left, or all of them and it is about to
    leaving_family(family)
    slow = SlowPages(family, monkeypatch)
    slow.write_rounds(3)
    for _ in range(20 if announced else 0):
        if standing(family) is Standing.LEAVING:
            break
        slow.write_rounds(1)
    assert (standing(family) is Standing.LEAVING, set(family.held(CONTACT))) == (announced, {ANN, BOB})
    late = next(one for number in range(1000) if (one := the(f"late {number}")) < min(MANY))
    # When another comes, before those that have left
    family.dynamics.put(MEMBERSHIP, late, new_contactid=ANN)
    family.carry(MEMBERSHIP)
    slow.write_rounds(20)
    # Then it leaves, too, and the contact after it, or it never comes
    assert ("create", late) in family.writes(MEMBERSHIP) or announced
    assert (set(family.held(CONTACT)), family.held(MEMBERSHIP), family.orphaned()) == ({BOB}, {}, [])
    assert [event.missing for event in family.campaign.events if event.missing] == []


@pytest.mark.parametrize("rounds", [3, 5, 7, 8, 9])
def test_a_family_whose_parent_is_back_before_it_has_left_is_whole_again(
    family: Family, monkeypatch: pytest.MonkeyPatch, rounds: int
) -> None:
    # Given a contact that leaves, and memberships of which some have left
    leaving_family(family)
    with monkeypatch.context() as patched:
        SlowPages(family, patched).write_rounds(rounds)
    assert ANN in family.held(CONTACT) and len(family.held(MEMBERSHIP)) < len(MANY)
    # When it matches again
    family.dynamics.put(CONTACT, ANN, statecode=0)
    family.settle()
    # Then all are there
    assert set(family.held(CONTACT)) == {ANN, BOB}
    assert holders(family) == dict.fromkeys(MANY, ANN)


def test_a_family_that_leaves_goes_on_where_dynamics_did_not_answer(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact that leaves, of whose memberships two pages are to leave
    leaving_family(family)
    asked: list[str] = []
    linked = family.dynamics.linked

    def linked_but_the_third_time(
        table: DynamicsTable, lookup: str, ids: Sequence[str], columns: Sequence[str], link: str = "", **options: Any
    ) -> Page:
        asked.append(link)
        if len(asked) == 3:
            assert family.workflow.queue(MEMBERSHIP).total() == 6
            raise Unreachable("dynamics", "no answer")
        return linked(table, lookup, ids, columns, link, **options)

    # When Dynamics does not answer when it is asked for the third
    monkeypatch.setattr(family.dynamics, "linked", linked_but_the_third_time)
    family.write(CONTACT)
    family.hurry(CONTACT)
    family.write(CONTACT)
    # Then the third is the next that is asked for
    assert asked[2] and asked[3] == asked[2]
    family.settle()
    assert (set(family.held(CONTACT)), family.held(MEMBERSHIP), family.orphaned()) == ({BOB}, {}, [])


def test_memberships_that_are_led_elsewhere_while_a_large_family_leaves_stay(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact that leaves, of whose memberships the first page is to leave
    leaving_family(family)
    slow = SlowPages(family, monkeypatch)
    slow.write(CONTACT)
    # When one of them, and one that nobody was asked for yet, are led to another contact
    moved = {min(MANY), max(MANY)}
    for membership in moved:
        family.dynamics.put(MEMBERSHIP, membership, new_contactid=BOB)
    slow.write_rounds(15)
    # Then these two stay
    assert holders(family) == dict.fromkeys(moved, BOB)
    assert (set(family.held(CONTACT)), family.orphaned()) == ({BOB}, [])
    assert ("delete", min(MANY)) not in family.writes(MEMBERSHIP)


def test_a_large_family_that_leaves_goes_on_after_a_restart(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a contact that leaves, and memberships of which some have left
    leaving_family(family)
    slow = SlowPages(family, monkeypatch)
    slow.write_rounds(4)
    # When the workflow is started again
    family.start()
    slow.write_rounds(20)
    # Then all leave in their order
    assert (set(family.held(CONTACT)), family.held(MEMBERSHIP), family.orphaned()) == ({BOB}, {}, [])


def test_a_large_family_of_which_some_have_left_is_whole_again_under_a_filter_that_lets_it_travel(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact that leaves, and memberships of which some have left
    leaving_family(family)
    with monkeypatch.context() as patched:
        SlowPages(family, patched).write_rounds(4)
    # When the next run has no filter
    family.start(contact={"filter": None})
    family.settle()
    # Then all are there
    assert set(family.held(CONTACT)) == {ANN, BOB}
    assert holders(family) == dict.fromkeys(MANY, ANN)
