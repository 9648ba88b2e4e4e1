"""A parent or a child in trouble holds nobody else up, and is set aside in the end."""

from collections.abc import Sequence
from typing import Any

import pytest

from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_pages import Page
from connectors.errors import Malformed, Unreachable
from store import record_queue
from tests.integration.sync.family import CONTACT, MEMBERSHIP, TABLES, Family, sponsored_family, the

ANN, BOB, CARL, GOLD = the("ann"), the("bob"), the("carl"), the("gold")


def try_on(family: Family, how_often: int) -> None:
    """Whatever waits is due."""
    for _ in range(how_often):
        for table in TABLES:
            family.hurry(table)
            family.carry(table)


def test_a_child_that_follows_one_parent_does_not_wait_for_another_that_left(family: Family) -> None:
    # Given a membership that stayed when its sponsor left, and then left with its contact
    sponsored_family(family)
    for contact in (BOB, ANN):
        family.dynamics.put(CONTACT, contact, statecode=1)
        family.settle()
    assert family.held(MEMBERSHIP) == {}
    # When the contact is back, and much time goes by
    family.dynamics.put(CONTACT, ANN, statecode=0)
    family.settle()
    family.let_limit_pass(MEMBERSHIP)
    family.settle()
    # Then the membership is back without its sponsor
    assert (family.parked(MEMBERSHIP), family.dead(MEMBERSHIP)) == (set(), {})
    assert family.held(MEMBERSHIP)[GOLD]["sponsor"] is None


def test_a_child_that_waits_for_a_parent_it_does_not_require_is_written_without_it_once_that_has_left(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a sponsor who left, and the membership that waits for his return, which was not confirmed
    sponsored_family(family)
    family.dynamics.put(CONTACT, BOB, statecode=1)
    family.settle()
    family.dynamics.put(CONTACT, BOB, statecode=0)
    family.read(CONTACT)

    def lost(method: str, resource: str) -> None:
        if resource == "profile":
            raise Unreachable("campaign", "no answer in time")

    with monkeypatch.context() as patched:
        patched.setattr(family.campaign, "before", lost)
        family.write(CONTACT)
    family.dynamics.put(MEMBERSHIP, GOLD, new_name="changed")
    family.carry(MEMBERSHIP)
    assert family.parked(MEMBERSHIP) == {GOLD}
    # When he stops matching again, and both have waited long enough
    family.dynamics.put(CONTACT, BOB, statecode=1)
    family.read(CONTACT)
    family.age(CONTACT, BOB, 1000)
    family.settle()
    family.let_limit_pass(MEMBERSHIP)
    family.settle()
    # Then it is written without him
    assert (family.parked(MEMBERSHIP), family.dead(MEMBERSHIP)) == (set(), {})
    assert family.held(MEMBERSHIP)[GOLD] == {"number": "changed", "holder": ANN, "sponsor": None}


def test_a_child_whose_deletion_always_fails_is_set_aside_while_its_parent_waits_for_it(family: Family) -> None:
    # Given a Campaign whose answers to the deletion of memberships are torn, each of them
    sponsored_family(family)

    def torn(method: str, resource: str) -> None:
        if (method, resource) == ("delete", "cusMembership"):
            raise Malformed("campaign", "the answer is not whole")

    family.campaign.before = torn
    # When the contact stops matching, and both are tried again and again
    family.dynamics.put(CONTACT, ANN, statecode=1)
    try_on(family, 40)
    # Then the membership is set aside, and the contact waits no more
    assert (set(family.dead(MEMBERSHIP)), set(family.held(CONTACT))) == ({GOLD}, {BOB})


def test_a_parent_whose_children_cannot_be_asked_for_keeps_nobody_else_from_leaving(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a Dynamics that never answers in time what has to do with one of the contacts
    sponsored_family(family)
    family.dynamics.put(CONTACT, CARL, lastname="Carl", statecode=0)
    family.settle()
    linked = family.dynamics.linked

    def late(table: DynamicsTable, lookup: str, ids: Sequence[str], *args: Any, **options: Any) -> Page:
        if ANN in ids:
            raise Unreachable("dynamics", "no answer in time")
        return linked(table, lookup, ids, *args, **options)

    monkeypatch.setattr(family.dynamics, "linked", late)
    # When that one stops matching at the same time as another
    for contact in (ANN, CARL):
        family.dynamics.put(CONTACT, contact, statecode=1)
    try_on(family, 10)
    # Then the other leaves
    assert set(family.held(CONTACT)) == {ANN, BOB}


def test_a_parent_that_is_set_aside_on_its_way_is_no_longer_on_it(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a contact that leaves, and the page that its children were told to
    sponsored_family(family)
    family.dynamics.put(CONTACT, ANN, statecode=1)
    family.read(CONTACT)
    family.workflow.following(CONTACT).put({ANN: f"{family.generation} goes 0 1 0 0 behind", BOB: "another's"})
    # When its holder dies once too often
    monkeypatch.setattr(record_queue, "DEATHS_TOO_MANY", 1)
    queue = family.workflow.queue(CONTACT)
    queue.lease(family.generation, 10, 60_000, now_ms=1_000)
    queue.reap()
    assert set(family.dead(CONTACT)) == {ANN}
    # Then it would begin anew, and nobody else
    assert family.workflow.following(CONTACT).of([ANN, BOB]) == {BOB: "another's"}


def test_a_parent_that_is_set_aside_for_its_own_parent_is_no_longer_on_its_way(family: Family) -> None:
    # Given a membership whose contact is not in Dynamics, and the page that its invoices were told to
    family.start()
    family.settle()
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=ANN)
    family.carry(MEMBERSHIP)
    assert family.parked(MEMBERSHIP) == {GOLD}
    family.workflow.following(MEMBERSHIP).put({GOLD: f"{family.generation} returns 0 1 0 0 behind"})
    # When it is set aside
    family.let_limit_pass(MEMBERSHIP)
    family.write(MEMBERSHIP)
    assert set(family.dead(MEMBERSHIP)) == {GOLD}
    # Then they would be told anew
    assert family.workflow.following(MEMBERSHIP).of([GOLD]) == {}
