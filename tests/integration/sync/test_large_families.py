"""The children of a parent that is back follow however many they are, a little at a time."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_pages import Page
from connectors.errors import CursorExpired, Malformed, Refused
from sync.batch_writer import BatchWriter
from sync.streams import Slice
from sync.writing import write_slice
from tests.integration.sync.family import CONTACT, MAPPINGS, MEMBERSHIP, Family, the

ANN, BOB = the("ann"), the("bob")
MANY = [the(f"membership {number}") for number in range(12)]
ACTIVE = {"all": [{"field": "statecode", "is": "equals", "value": 0}]}


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
    assert not family.workflow.following(CONTACT).get(ANN)
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
    large_family(family)
    with monkeypatch.context() as patched:
        slices = ShortSlices(family, patched)
        for _ in range(2):
            slices.write(CONTACT)
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
    large_family(family)
    with monkeypatch.context() as patched:
        ShortSlices(family, patched).write(CONTACT)
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
    large_family(family)
    with monkeypatch.context() as patched:
        ShortSlices(family, patched).write(CONTACT)
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

    def torn_the_fifth_time(table: DynamicsTable, *args: Any, **options: Any) -> Any:
        places.append(family.workflow.following(CONTACT).get(ANN))
        if len(places) == 5:
            raise Malformed("dynamics", "the answer is not whole")
        return linked(table, *args, **options)

    monkeypatch.setattr(family.dynamics, "linked", torn_the_fifth_time)
    # When an answer of Dynamics is torn, and asked for once more
    family.write(CONTACT)
    family.settle()
    # Then it goes on from there, and all are back
    assert places[4] and places[5] == places[4]
    assert family.held(MEMBERSHIP).keys() == set(MANY)
