"""A parent is deleted after its children, as far as the deletions of both have been read."""

import pytest

from connectors.errors import Unavailable
from sync.streams import Slice
from sync.tables.position import Phase, Position
from tests.integration.sync.family import CONTACT, INVOICE, MEMBERSHIP, Family, the

ANN, BOB, GOLD, BILL = the("ann"), the("bob"), the("gold"), the("bill")


def three_generations(family: Family) -> None:
    """Ann's membership with one invoice, all of it in Campaign."""
    family.start()
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(MEMBERSHIP, GOLD, new_name="Gold", new_contactid=ANN)
    family.dynamics.put(INVOICE, BILL, new_name="Bill", new_membershipid=GOLD)
    family.settle()
    family.campaign.events.clear()


def test_what_was_deleted_from_the_top_is_deleted_from_the_bottom(family: Family) -> None:
    # Given a family that is deleted as a whole in Dynamics
    three_generations(family)
    for table, record_id in ((CONTACT, ANN), (MEMBERSHIP, GOLD), (INVOICE, BILL)):
        family.dynamics.remove(table, record_id)
    # When the parents' deletions are read and due first
    family.carry(CONTACT, MEMBERSHIP)
    # Then they wait, without an attempt being counted
    assert family.campaign.events == []
    # When the children's are read, too, then all go, the youngest first
    family.settle()
    assert [(event.resource, event.orphaned) for event in family.campaign.events] == [
        ("cusInvoice", ()), ("cusMembership", ()), ("profile", ()),
    ]  # fmt: skip
    assert [family.dead(table) for table in (CONTACT, MEMBERSHIP, INVOICE)] == [{}, {}, {}]


def test_a_change_that_leads_a_child_elsewhere_goes_before_the_deletion_of_its_old_parent(family: Family) -> None:
    # Given a membership that moves to Bob, who is new, and Ann, who is deleted
    three_generations(family)
    family.dynamics.put(CONTACT, BOB, lastname="Bob")
    family.dynamics.put(MEMBERSHIP, GOLD, new_contactid=BOB)
    family.dynamics.remove(CONTACT, ANN)
    # When Ann's deletion is due while the membership still waits for Bob
    family.read(MEMBERSHIP)
    family.write(MEMBERSHIP)
    assert family.parked(MEMBERSHIP) == {GOLD}
    family.read(CONTACT)
    family.settle()
    # Then the membership never led nowhere
    assert family.orphaned() == []
    assert family.held(MEMBERSHIP)[GOLD]["holder"] == BOB


@pytest.mark.parametrize("expired", [False, True], ids=["another mapping", "an expired token"])
def test_a_deletion_waits_for_childrens_deletions_that_a_full_read_does_not_bring(
    family: Family, expired: bool
) -> None:
    # Given a family that is deleted, while its invoices are read anew: their deletions are read, or recovered, after it
    three_generations(family)
    for table, record_id in ((INVOICE, BILL), (MEMBERSHIP, GOLD)):
        family.dynamics.remove(table, record_id)
    if expired:
        family.dynamics.expire_tokens()
        family.forget_when(INVOICE)
    else:
        family.start_anew(INVOICE)
    family.read(MEMBERSHIP)
    # When the full read is over, but no more than that
    family.read(INVOICE, Slice(0, lambda: False))
    if expired:
        family.read(INVOICE, Slice(0, lambda: False))
    position = Position.load(family.workflow.cursor(INVOICE).value)
    assert position.phase is Phase.CHANGES and (position.left or position.comparison)
    family.write(MEMBERSHIP)
    family.hurry(MEMBERSHIP)
    family.write(MEMBERSHIP)
    # Then the membership waits
    assert family.campaign.events == []
    family.settle()
    assert [(event.resource, event.orphaned) for event in family.campaign.events] == [
        ("cusInvoice", ()), ("cusMembership", ()),
    ]  # fmt: skip


def test_a_deletion_of_a_parent_that_waits_already_is_as_young_as_it_was_read(family: Family) -> None:
    # Given a parent whose change has been waiting for long, while its children have been followed
    three_generations(family)
    family.dynamics.put(CONTACT, ANN, lastname="Anna")
    family.read(CONTACT)
    family.age(CONTACT, ANN, seconds=60)
    # When the family is deleted as a whole, and the parent's deletion takes the place of its change
    for table, record_id in ((CONTACT, ANN), (MEMBERSHIP, GOLD), (INVOICE, BILL)):
        family.dynamics.remove(table, record_id)
    family.carry(CONTACT)
    # Then it waits for its children all the same
    assert family.campaign.events == []
    family.settle()
    assert [event.orphaned for event in family.campaign.events] == [(), (), ()]


def test_a_deletion_is_sent_although_the_ledger_knows_an_older_one(family: Family) -> None:
    # Given a record that was deleted, and came back without its confirmation
    three_generations(family)
    family.dynamics.remove(INVOICE, BILL)
    family.settle()
    family.dynamics.put(INVOICE, BILL, new_name="Bill", new_membershipid=GOLD)
    family.read(INVOICE)

    def lose_the_answer(method: str, resource: str) -> None:
        family.campaign.after = lambda method, resource: None
        raise Unavailable("campaign", "the answer was lost")

    family.campaign.after = lose_the_answer
    family.write(INVOICE)
    assert set(family.held(INVOICE)) == {BILL}
    # When it is deleted again
    family.dynamics.remove(INVOICE, BILL)
    family.settle()
    # Then it is gone
    assert family.held(INVOICE) == {}
