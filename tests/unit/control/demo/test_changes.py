"""The demonstration knows beforehand which records of Campaign its changes must touch."""

from typing import Any

from control.demo.changes import DELETED, plan


def rows(contacts: int) -> dict[str, list[dict[str, Any]]]:
    """Each contact holds a membership with an invoice of one line."""
    numbers = range(contacts)
    return {
        "contact": [{"contactid": f"c{n}"} for n in numbers],
        "new_membership": [
            {"new_membershipid": f"m{n}", "_new_contactid_value": f"c{n}", "_new_sponsorid_value": f"c{n + 1}"}
            for n in numbers
        ],
        "new_invoice": [{"new_invoiceid": f"i{n}", "_new_membershipid_value": f"m{n}"} for n in numbers],
        "new_invoiceline": [{"new_invoicelineid": f"l{n}", "_new_invoiceid_value": f"i{n}"} for n in numbers],
    }


def test_what_hangs_on_a_deleted_contact_is_counted_as_deleted_and_not_changed() -> None:
    # Given 400 contacts with all that hangs on them
    planned = plan(rows(400))
    # Then 20 contacts take a membership, an invoice and a line each with them
    assert (len(planned.deleted), planned.deletes) == (DELETED, 4 * DELETED)
    # And nothing of these is changed before
    gone = {one.removeprefix("c") for one in planned.deleted}
    assert not gone & {one[1:] for ids in planned.changed.values() for one in ids}


def test_a_membership_that_loses_its_sponsor_is_an_update_of_its_own() -> None:
    # Given a membership that stays, sponsored by a contact that goes
    planned = plan(rows(400))
    assert planned.updates == sum(map(len, planned.changed.values())) + 1
