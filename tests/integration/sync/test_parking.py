"""Children wait for their parents, visibly, and follow by themselves; those whose parent will not come are set aside."""

from tests.integration.sync.family import CONTACT, INVOICE, MEMBERSHIP, Family, the

ANN, BOB, GOLD, BILL = the("ann"), the("bob"), the("gold"), the("bill")


def test_a_child_that_was_read_first_waits_and_follows_its_parent(family: Family) -> None:
    # Given an invoice of a membership of a contact, read and written from the wrong end
    family.start()
    family.dynamics.put(CONTACT, ANN, lastname="Ann")
    family.dynamics.put(MEMBERSHIP, GOLD, new_name="Gold", new_contactid=ANN)
    family.dynamics.put(INVOICE, BILL, new_name="Bill", new_membershipid=GOLD)
    family.carry(INVOICE, MEMBERSHIP)
    # Then both are parked, and nothing was sent
    assert (family.parked(INVOICE), family.parked(MEMBERSHIP)) == ({BILL}, {GOLD})
    assert family.campaign.events == []
    # When the contact is written, then the others follow, in order, linked
    family.carry(CONTACT)
    family.write(INVOICE)
    assert family.parked(INVOICE) == {BILL}
    family.write(MEMBERSHIP)
    family.write(INVOICE)
    assert [(event.resource, event.missing) for event in family.campaign.events] == [
        ("profile", ()), ("cusMembership", ()), ("cusInvoice", ()),
    ]  # fmt: skip
    assert family.held(MEMBERSHIP) == {GOLD: {"number": "Gold", "holder": ANN, "sponsor": None}}
    assert family.held(INVOICE) == {BILL: {"number": "Bill", "membershipId": GOLD}}
