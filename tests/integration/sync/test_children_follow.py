"""Children that are queued because of their parent, ahead of reading, are as safe as any others."""

import math
import time
from collections.abc import Sequence
from typing import Any

import pytest

from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_pages import Page
from connectors.errors import Refused, SchemaRefused
from store.ledger import Entry, Ledger
from sync.batch_writer import BatchWriter, Writing
from sync.tables import following
from tests.integration.sync.family import (
    ACTIVE,
    CONTACT,
    FOREVER,
    INVOICE,
    MEMBERSHIP,
    Family,
    sponsor_matches_again,
    sponsored_family,
    the,
)

ANN, BOB, GOLD, BILL = the("ann"), the("bob"), the("gold"), the("bill")
REFERRER = [{"from": "new_referrerid", "to": "referrer", "table": CONTACT}]


def filtered_family(family: Family) -> None:
    """Ann, her membership and its invoice are in Campaign; a contact that is not active is deleted there."""
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": True})
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.dynamics.put(INVOICE, BILL, new_membershipid=GOLD)
    family.settle()


def sponsor_returns(family: Family) -> None:
    """Bob, who sponsors Ann's membership, was deleted and is back; his return is written, and no more is read."""
    family.start()
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(CONTACT, BOB, lastname="Bob")
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN, new_sponsorid=BOB)
    family.settle()
    family.dynamics.put(MEMBERSHIP, GOLD, new_sponsorid=None)
    family.dynamics.remove(CONTACT, BOB)
    family.settle()
    family.dynamics.put(CONTACT, BOB, lastname="Bob")
    family.dynamics.put(MEMBERSHIP, GOLD, new_sponsorid=BOB)
    family.carry(CONTACT)
    family.write(MEMBERSHIP)


def test_the_child_of_a_parent_that_returned_follows_at_once(family: Family) -> None:
    sponsor_returns(family)
    assert family.held(MEMBERSHIP)[GOLD]["sponsor"] == BOB


def test_a_child_that_followed_ahead_of_reading_and_is_deleted_then_does_not_stay(family: Family) -> None:
    # Given a membership that was written ahead of reading
    sponsor_returns(family)
    # When it is deleted before reading has come so far
    family.dynamics.remove(MEMBERSHIP, GOLD)
    family.settle()
    # Then it is gone
    assert family.held(MEMBERSHIP) == {}


def test_a_child_that_followed_and_changed_then_is_written_again(family: Family) -> None:
    sponsor_returns(family)
    family.dynamics.put(MEMBERSHIP, GOLD, new_name="changed")
    family.settle()
    assert family.held(MEMBERSHIP)[GOLD]["number"] == "changed"


def test_children_leave_before_a_parent_that_is_filtered_out_and_come_back_with_it(family: Family) -> None:
    # Given a filter under which what does not match is deleted, and a contact with a membership and an invoice
    active = {"all": [{"field": "statecode", "is": "equals", "value": 0}]}
    family.start(contact={"filter": active, "delete_filtered_out": True})
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.dynamics.put(INVOICE, BILL, new_membershipid=GOLD)
    family.settle()
    # When the contact stops matching, then all leave, the youngest first
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.settle()
    assert [family.held(table) for table in (CONTACT, MEMBERSHIP, INVOICE)] == [{}, {}, {}]
    assert family.orphaned() == []
    # And when it matches again, all come back
    family.dynamics.put(CONTACT, ANN, statecode=0)
    family.settle()
    assert [set(family.held(table)) for table in (CONTACT, MEMBERSHIP, INVOICE)] == [{ANN}, {GOLD}, {BILL}]
    assert [event.missing for event in family.campaign.events if event.missing] == []


def test_a_parent_that_has_to_wait_for_its_children_counts_as_present(family: Family) -> None:
    # Given a contact that stopped matching, and whatever it waits for has been read
    filtered_family(family)
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.read(CONTACT)
    family.read(MEMBERSHIP)
    # When its writer finds a membership of it
    family.write(CONTACT)
    # Then others may link to it until it really goes
    assert family.workflow.queue(CONTACT).ledger.present([ANN]) == {ANN}


def test_a_parent_that_stops_matching_and_matches_again_at_once_keeps_its_children(family: Family) -> None:
    # Given a contact that stopped matching, whose children are queued to leave ahead of it
    filtered_family(family)
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.carry(CONTACT)
    # When it matches again before they have left
    family.dynamics.put(CONTACT, ANN, statecode=0)
    family.settle()
    # Then all are in Campaign
    assert [set(family.held(table)) for table in (CONTACT, MEMBERSHIP, INVOICE)] == [{ANN}, {GOLD}, {BILL}]


def test_a_child_that_is_to_follow_does_so_although_a_change_of_nothing_mapped_takes_its_place(family: Family) -> None:
    # Given a sponsor who left, is back, and whose sponsored membership is queued to follow
    sponsored_family(family)
    family.dynamics.put(CONTACT, BOB, statecode=1)
    family.settle()
    assert BOB not in family.held(CONTACT)
    family.dynamics.put(CONTACT, BOB, statecode=0)
    family.carry(CONTACT)
    # When the membership changes in a column that is not mapped
    family.dynamics.put(MEMBERSHIP, GOLD, new_points=5)
    family.settle()
    # Then it leads to its sponsor again
    assert family.held(MEMBERSHIP)[GOLD]["sponsor"] == BOB


def test_a_parent_that_stops_matching_while_its_child_is_in_flight_leaves_after_it(family: Family) -> None:
    # Given a membership that is being written
    family.start(contact={"filter": ACTIVE, "delete_filtered_out": True})
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0)
    family.carry(CONTACT)
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.read(MEMBERSHIP)
    left: list[str] = []

    def leave(method: str, resource: str) -> None:
        if (method, resource) == ("create", "cusMembership") and not left:
            left.append(ANN)
            family.dynamics.put(CONTACT, ANN, statecode=1)
            family.carry(CONTACT)

    # When its contact stops matching after the request and before the confirmation
    family.campaign.after = leave
    family.write(MEMBERSHIP)
    family.settle()
    # Then both are gone, the membership first
    assert (left, family.held(CONTACT), family.held(MEMBERSHIP)) == ([ANN], {}, {})
    assert family.orphaned() == []


def test_children_that_are_deleted_while_their_parent_stops_matching_leave_before_it(family: Family) -> None:
    filtered_family(family)
    family.dynamics.remove(INVOICE, BILL)
    family.dynamics.remove(MEMBERSHIP, GOLD)
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.settle()
    assert [family.held(table) for table in (CONTACT, MEMBERSHIP, INVOICE)] == [{}, {}, {}]
    assert family.orphaned() == []


def test_a_child_that_is_led_elsewhere_while_its_parent_stops_matching_stays(family: Family) -> None:
    # Given another contact, and a membership that is led to it, as when contacts are merged
    filtered_family(family)
    family.dynamics.put(CONTACT, BOB, lastname="Bob", statecode=0)
    family.settle()
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=BOB)
    # When the first one stops matching
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.settle()
    # Then the membership never led nowhere
    assert family.held(MEMBERSHIP)[GOLD]["holder"] == BOB
    assert (set(family.held(CONTACT)), family.orphaned()) == ({BOB}, [])


def test_a_parent_of_the_same_table_that_returns_is_led_to_again(family: Family) -> None:
    # Given a contact that refers to another, who leaves
    mapping = {"filter": ACTIVE, "delete_filtered_out": True, "links": REFERRER}
    family.start(contact=mapping, new_membership=None, new_invoice=None)
    family.dynamics.put(CONTACT, BOB, lastname="Bob", statecode=0)
    family.dynamics.put(CONTACT, ANN, lastname="Ann", statecode=0, new_referrerid=BOB)
    family.settle()
    assert family.held(CONTACT)[ANN]["referrer"] == BOB
    family.dynamics.put(CONTACT, BOB, statecode=1)
    family.settle()
    # When the other returns
    family.dynamics.put(CONTACT, BOB, statecode=0)
    family.settle()
    # Then the first one refers to him again
    assert family.held(CONTACT)[ANN]["referrer"] == BOB


def test_a_parent_whose_children_cannot_be_asked_for_is_tried_on_and_not_set_aside(family: Family) -> None:
    # Given a contact that left and matches again, and a table of children that lost a column
    filtered_family(family)
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.settle()
    family.dynamics.put(CONTACT, ANN, statecode=0)
    family.read(CONTACT)
    # When it is tried again and again
    for _ in range(6):
        family.hurry(CONTACT)
        family.dynamics.failing = SchemaRefused("dynamics", "no column new_name", field="new_name")
        family.write(CONTACT)
    # Then it is not set aside
    assert family.dead(CONTACT) == {}
    # And once the column is back, all of them are
    family.dynamics.failing = None
    family.settle()
    assert [set(family.held(table)) for table in (CONTACT, MEMBERSHIP, INVOICE)] == [{ANN}, {GOLD}, {BILL}]


def test_a_child_that_follows_before_its_parents_return_is_confirmed_leads_to_it(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a sponsor who left and matches again
    sponsor_matches_again(family)
    original = following.Family.bring_along
    brought: list[str] = []

    def bring_along(self: following.Family, *args: Any) -> bool:
        come = original(self, *args)
        brought.extend(family.workflow.queue(MEMBERSHIP).waiting([GOLD]))
        family.write(MEMBERSHIP, seat=1)
        return come

    # When another writer takes the membership as soon as it is queued to follow
    monkeypatch.setattr(following.Family, "bring_along", bring_along)
    family.settle()
    # Then it leads to its sponsor again
    assert brought == [GOLD]
    assert family.held(MEMBERSHIP)[GOLD]["sponsor"] == BOB


def test_a_child_that_is_deleted_while_it_is_fetched_to_follow_does_not_come_back(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact that left with its membership, and matches again
    sponsored_family(family)
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.settle()
    assert family.held(MEMBERSHIP) == {}
    family.dynamics.put(CONTACT, ANN, statecode=0)
    original = family.dynamics.linked
    deleted: list[str] = []

    def linked(table: DynamicsTable, *args: Any, **options: Any) -> Page:
        page = original(table, *args, **options)
        if table.name == MEMBERSHIP and page.rows and not deleted:
            deleted.append(GOLD)
            family.dynamics.remove(MEMBERSHIP, GOLD)
            family.read(MEMBERSHIP)
        return page

    # When the membership is deleted, and another process reads that, while it is on its way here
    monkeypatch.setattr(family.dynamics, "linked", linked)
    family.settle()
    # Then it is not in Campaign
    assert (deleted, family.held(MEMBERSHIP)) == ([GOLD], {})


def test_a_child_that_is_about_to_be_sent_when_its_parent_is_about_to_leave_leaves_first(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a membership without invoices
    some = {"all": [{"field": "new_points", "is": "equals", "value": 1}]}
    family.start(new_membership={"filter": some, "delete_filtered_out": True})
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN, new_points=1)
    family.settle()
    original = following.Family.held_back
    about_to_send: list[BatchWriter] = []

    def held_back(self: following.Family, *args: Any) -> set[str]:
        found = original(self, *args)
        if self.stream.name == MEMBERSHIP and not about_to_send:
            # A writer looks for the membership, which is still there, and has yet to send its first invoice.
            family.dynamics.put(INVOICE, BILL, new_membershipid=GOLD)
            family.read(INVOICE)
            batch = family.workflow.queue(INVOICE).lease(family.generation, 10, 60_000)
            writing = Writing(
                family.streams[INVOICE], family.streams, family.workflow, family.generation, FOREVER, 60.0, math.inf
            )
            about_to_send.append(BatchWriter(writing, batch, time.monotonic()))
            about_to_send[0]._prepare()
        return found

    # When it stops matching, and its first invoice comes when its writer has found none
    monkeypatch.setattr(following.Family, "held_back", held_back)
    family.dynamics.put(MEMBERSHIP, GOLD, new_points=0)
    family.read(MEMBERSHIP)
    family.read(INVOICE)
    family.write(MEMBERSHIP)
    [writer] = about_to_send
    writer._send_on()
    writer._settle()
    assert family.held(INVOICE).keys() == {BILL}
    family.settle()
    # Then the invoice led to it when it was sent, and left before it
    assert [event.missing for event in family.campaign.events if event.missing] == []
    assert (family.orphaned(), family.held(MEMBERSHIP), family.held(INVOICE)) == ([], {}, {})


def test_a_child_that_campaign_refuses_to_delete_is_not_tried_for_ever(family: Family) -> None:
    # Given a Campaign that refuses to delete memberships
    sponsored_family(family)

    def refuse(method: str, resource: str) -> None:
        if (method, resource) == ("delete", "cusMembership"):
            raise Refused("campaign", "memberships are not deleted")

    family.campaign.before = refuse
    # When a contact stops matching, and much time goes by
    family.dynamics.put(CONTACT, ANN, statecode=1)
    for _ in range(10):
        for table in (CONTACT, MEMBERSHIP):
            family.hurry(table)
            family.carry(table)
    # Then it was tried no more than twice
    assert family.counts(MEMBERSHIP).get("refused", 0) <= 2


def test_a_replay_does_not_bring_back_children_that_are_to_leave_with_their_parent(family: Family) -> None:
    # Given a membership that is queued to leave ahead of its contact
    sponsored_family(family)
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.carry(CONTACT)
    # When its table is replayed
    family.workflow.replays.ask(MEMBERSHIP, "a test", "")
    family.start()
    family.settle()
    # Then both are gone, the membership first
    assert (set(family.held(CONTACT)), family.held(MEMBERSHIP)) == ({BOB}, {})
    assert family.orphaned() == []


def test_a_child_that_waits_for_a_parent_that_left_and_is_deleted_in_a_gap_waits_no_more(family: Family) -> None:
    # Given a membership that left with its contact, changed, and waits for it
    sponsored_family(family)
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.settle()
    family.dynamics.put(MEMBERSHIP, GOLD, new_name="changed")
    family.settle()
    # When it is deleted, and the token that would tell has expired
    family.dynamics.expire_tokens()
    family.forget_when(MEMBERSHIP)
    family.dynamics.remove(MEMBERSHIP, GOLD)
    family.settle()
    # Then nothing waits
    assert family.parked(MEMBERSHIP) == set()


def test_a_link_that_is_new_in_a_mapping_reaches_what_is_in_campaign(family: Family) -> None:
    # Given a membership in Campaign that was written without links
    family.start(new_membership={"links": []}, new_invoice=None)
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.settle()
    # When the next run maps one
    links = [{"from": "new_contactid", "to": "holder", "table": CONTACT, "required": True}]
    family.start(new_membership={"links": links})
    family.settle()
    # Then it leads to its contact
    assert family.held(MEMBERSHIP)[GOLD]["holder"] == ANN


def test_a_child_that_is_written_while_its_entry_is_looked_at_is_not_written_over(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a sponsor who left and matches again, and a membership that stayed
    sponsor_matches_again(family)
    looking: list[bool] = []
    changed: list[str] = []
    original, entries = Ledger.disbelieve, Ledger.entries

    def change() -> None:
        if not changed:
            changed.append(GOLD)
            family.dynamics.put(MEMBERSHIP, GOLD, new_name="changed", new_sponsorid=None)
            family.read(MEMBERSHIP)
            family.write(MEMBERSHIP, seat=1)

    def disbelieve(self: Ledger, record_ids: Sequence[str]) -> None:
        looking.append(bool(record_ids))
        original(self, record_ids)
        if looking.pop():
            change()

    def entries_meanwhile(self: Ledger, record_ids: Sequence[str]) -> list[Entry | None]:
        found = entries(self, record_ids)
        if looking and looking[-1]:
            looking.append(False)
            change()
            looking.pop()
        return found

    # When it changes, is read and is written after it was fetched to follow, and before it is queued
    monkeypatch.setattr(Ledger, "disbelieve", disbelieve)
    monkeypatch.setattr(Ledger, "entries", entries_meanwhile)
    family.settle()
    # Then the change stays
    assert changed == [GOLD]
    assert family.held(MEMBERSHIP)[GOLD] == {"number": "changed", "holder": ANN, "sponsor": None}
