"""Children that are queued because of their parent, ahead of reading, are as safe as any others."""

from tests.integration.sync.family import CONTACT, INVOICE, MEMBERSHIP, Family, the

ANN, BOB, GOLD, BILL = the("ann"), the("bob"), the("gold"), the("bill")


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
    assert [event.orphaned for event in family.campaign.events if event.orphaned] == []
    # And when it matches again, all come back
    family.dynamics.put(CONTACT, ANN, statecode=0)
    family.settle()
    assert [set(family.held(table)) for table in (CONTACT, MEMBERSHIP, INVOICE)] == [{ANN}, {GOLD}, {BILL}]
    assert [event.missing for event in family.campaign.events if event.missing] == []
