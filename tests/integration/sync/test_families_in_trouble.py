"""A parent or a child in trouble holds nobody else up, and is set aside in the end."""

from collections.abc import Sequence
from typing import Any

import pytest

from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_pages import Page, Row
from connectors.errors import ConnectorError, Malformed, Refused, Unreachable
from store import record_queue
from sync.streams import Slice
from sync.tables.relatives import BESIDE_READER_MS
from sync.writing import write_slice
from tests.integration.sync.family import (
    CONTACT,
    MEMBERSHIP,
    TABLES,
    Family,
    sponsor_matches_again,
    sponsored_family,
    the,
)

ANN, BOB, CARL, GOLD, SILVER = the("ann"), the("bob"), the("carl"), the("gold"), the("silver")


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
    sponsor_matches_again(family)
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


def orphans(family: Family, **contacts: str) -> None:
    """Memberships, the first one parked for longest, of contacts that no reading has brought."""
    family.start()
    family.settle()
    for membership, contact in contacts.items():
        family.dynamics.put(MEMBERSHIP, the(membership), new_contactid=contact)
        family.carry(MEMBERSHIP)
    assert family.parked(MEMBERSHIP) == {the(membership) for membership in contacts}
    keys = family.workflow.queue(MEMBERSHIP).keys
    for age, membership in enumerate(contacts):
        family.redis.zadd(keys.parked, {the(membership): age}, xx=True)


def test_a_child_that_was_led_elsewhere_while_its_parent_was_looked_for_is_not_set_aside(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a membership that has waited too long for a contact that is not in Dynamics
    orphans(family, gold=ANN)
    row, asked = family.dynamics.row, list[str]()

    def slow(table: DynamicsTable, id_: str, *args: Any, **options: Any) -> Row | None:
        found = row(table, id_, *args, **options)
        if id_ == ANN and not asked:
            asked.append(id_)
            # When somebody creates a contact and leads it there while Dynamics is asked for the first one
            family.dynamics.put(CONTACT, BOB, lastname="Bob")
            family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=BOB)
            family.read(MEMBERSHIP)
            family.write(MEMBERSHIP, seat=1)
            assert family.parked(MEMBERSHIP) == {GOLD}
        return found

    monkeypatch.setattr(family.dynamics, "row", slow)
    family.write(MEMBERSHIP)
    family.settle()
    # Then it follows its new contact
    assert (asked, family.dead(MEMBERSHIP)) == ([ANN], {})
    assert family.held(MEMBERSHIP)[GOLD]["holder"] == BOB


@pytest.mark.parametrize("kind", [Refused, Unreachable])
def test_a_parent_that_cannot_be_fetched_keeps_no_other_from_being_fetched(
    family: Family, monkeypatch: pytest.MonkeyPatch, kind: type[ConnectorError]
) -> None:
    # Given two memberships that have waited too long for contacts which were not read
    orphans(family, gold=ANN, silver=BOB)
    for contact in (ANN, BOB):
        family.dynamics.put(CONTACT, contact, lastname="x")
    row = family.dynamics.row

    def failing(table: DynamicsTable, id_: str, *args: Any, **options: Any) -> Row | None:
        if id_ == ANN:
            raise kind("dynamics", "a plug-in fails for this row")
        return row(table, id_, *args, **options)

    # When they are looked after, and Dynamics does not answer for the first of them
    with monkeypatch.context() as patched:
        patched.setattr(family.dynamics, "row", failing)
        family.write(MEMBERSHIP)
    # Then the other is fetched, the first waits on, and people are told
    assert family.workflow.queue(CONTACT).waiting([ANN, BOB]) == {BOB}
    assert family.parked(MEMBERSHIP) == {GOLD, SILVER}
    assert [trouble.where for trouble in family.workflow.troubles.all()] == [f"{MEMBERSHIP}.parents"]
    # And as soon as Dynamics answers it is fetched, too: it need not wait for the limit again
    family.workflow.troubles.clear_all()
    family.write(MEMBERSHIP)
    assert family.workflow.queue(CONTACT).waiting([ANN, BOB]) == {ANN, BOB}


def test_a_dynamics_that_is_down_is_not_asked_for_every_parent(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given five memberships that have waited too long, and a Dynamics that is down
    orphans(family, **{name: the(f"contact of {name}") for name in ("a", "b", "c", "d", "e")})
    asked = list[str]()

    def down(table: DynamicsTable, id_: str, *args: Any, **options: Any) -> Row | None:
        asked.append(id_)
        raise Unreachable("dynamics", "no answer in time")

    monkeypatch.setattr(family.dynamics, "row", down)
    # When they are looked after, Then it is asked three times, and nobody is set aside
    family.write(MEMBERSHIP)
    assert asked == [the(f"contact of {name}") for name in ("a", "b", "c")]
    assert (len(family.parked(MEMBERSHIP)), family.dead(MEMBERSHIP)) == (5, {})
    # And the next time the others come first
    family.workflow.troubles.clear_all()
    family.write(MEMBERSHIP)
    assert asked[3:5] == [the(f"contact of {name}") for name in ("d", "e")]


def test_looking_after_children_ends_with_the_slice(family: Family) -> None:
    # Given two memberships that have waited too long, and a slice that is over at once
    orphans(family, gold=ANN, silver=BOB)
    for contact in (ANN, BOB):
        family.dynamics.put(CONTACT, contact, lastname="x")
    over = Slice(0, lambda: False)
    # When they are looked after, Then each time one of the contacts is fetched
    for fetched in ({ANN}, {ANN, BOB}):
        write_slice(
            family.streams[MEMBERSHIP], family.streams, family.workflow, family.generation, 0, over, 60.0, batch_size=1
        )
        assert family.workflow.queue(CONTACT).waiting([ANN, BOB]) == fetched


def test_a_child_whose_parents_table_is_just_being_read_is_looked_after_soon_again(family: Family) -> None:
    # Given a membership that has waited too long for a contact which was not read
    orphans(family, gold=ANN)
    family.dynamics.put(CONTACT, ANN, lastname="x")
    # When it is looked after while somebody reads contacts
    with family.workflow.reading_right(CONTACT) as held:
        assert held
        family.write(MEMBERSHIP)
    # Then nobody is asked for, and in some seconds it is looked after again
    assert "contact row" not in family.dynamics.asked
    limit_ms = int(family.streams[MEMBERSHIP].park_limit_s * 1000)
    in_some_seconds = family.workflow.now_ms() + BESIDE_READER_MS
    assert [record.id for record in family.workflow.queue(MEMBERSHIP).parked(in_some_seconds - limit_ms)] == [GOLD]
