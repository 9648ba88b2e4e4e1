"""Against the sandbox, where Campaign hides a record whose required parent is missing: none is ever left hidden."""

from typing import Any, NamedTuple

import pytest

from tasks.read import read
from tasks.write import write
from tests.integration.sync import test_schema_watch
from tests.integration.sync.test_schema_watch import CONTACTS, MEMBERSHIPS, Run
from tests.sandboxes import Admin

ACTIVE = {"all": [{"field": "statecode", "is": "equals", "value": 0}]}
FILTERED: dict[str, Any] = {**CONTACTS, "filter": ACTIVE, "delete_filtered_out": True, "apply_deletes": True}
CHILDREN: dict[str, Any] = {**MEMBERSHIPS, "apply_deletes": True}

shared_sandbox, admin, run = test_schema_watch.shared_sandbox, test_schema_watch.admin, test_schema_watch.run


class Cast(NamedTuple):
    holder: str
    other: str  #: another contact
    memberships: set[str]  #: of the holder


@pytest.fixture
def people(admin: Admin) -> Cast:
    """A contact with memberships, and another one; all contacts are active."""
    contacts = admin.rows("contact")
    for contact in contacts:
        admin.patch(f"/dynamics/contacts/{contact}", {"statecode": 0})
    holders = {id_: row["_new_contactid_value"] for id_, row in admin.rows("new_membership").items()}
    holder = next(iter(holders.values()))
    other = next(contact for contact in contacts if contact != holder)
    return Cast(holder, other, {id_ for id_, held_by in holders.items() if held_by == holder})


def carry(run: Run) -> None:
    """What is to be tried again later is due at once."""
    for _ in range(6):
        run.hurry()
        run.carry()


def held(run: Run, hidden: bool) -> set[str]:
    """The memberships that Campaign shows, or hides."""
    return {record["crmId"] for record in run.held_in_campaign() if bool(record.get("hidden")) is hidden}


def test_memberships_of_a_contact_that_is_merged_into_another_stay(run: Run, admin: Admin, people: Cast) -> None:
    # Given everything carried
    run.start(FILTERED, CHILDREN)
    carry(run)
    # When the memberships of a contact are led to another one, and the first becomes inactive
    for membership in people.memberships:
        bind = {"new_ContactId@odata.bind": f"/contacts({people.other})"}
        admin.patch(f"/dynamics/tables/new_membership/{membership}", bind)
    admin.patch(f"/dynamics/contacts/{people.holder}", {"statecode": 1})
    carry(run)
    # Then Campaign shows all of them, and none was set aside
    assert (people.memberships - held(run, hidden=False), held(run, hidden=True)) == (set(), set())
    assert list(run.workflow.queue("new_membership").dead_letters()) == []


def test_memberships_that_are_deleted_while_their_contact_becomes_inactive_do_not_stay(
    run: Run, admin: Admin, people: Cast
) -> None:
    # Given everything carried
    run.start(FILTERED, CHILDREN)
    carry(run)
    # When the memberships of a contact are deleted, and it becomes inactive
    for membership in people.memberships:
        admin.delete(f"/dynamics/tables/new_membership/{membership}")
    admin.patch(f"/dynamics/contacts/{people.holder}", {"statecode": 1})
    carry(run)
    # Then none is left, not even hidden
    assert (people.memberships & held(run, hidden=False), held(run, hidden=True)) == (set(), set())


def test_memberships_of_a_contact_that_is_inactive_for_a_moment_stay(run: Run, admin: Admin, people: Cast) -> None:
    # Given a contact that became inactive, whose memberships are queued to leave ahead of it
    run.start(FILTERED, CHILDREN)
    carry(run)
    admin.patch(f"/dynamics/contacts/{people.holder}", {"statecode": 1})
    read(run.runtime, "ingress", "contact", run.generation)
    write(run.runtime, "ingress", "contact", run.generation, 0)
    # When it is active again
    admin.patch(f"/dynamics/contacts/{people.holder}", {"statecode": 0})
    carry(run)
    # Then Campaign shows all of them
    assert (people.memberships - held(run, hidden=False), held(run, hidden=True)) == (set(), set())


def test_memberships_that_wait_without_a_link_that_is_required_now_are_never_hidden(
    run: Run, admin: Admin, people: Cast
) -> None:
    # Given memberships that wait, read without links
    run.start(CONTACTS, {**MEMBERSHIPS, "links": []})
    read(run.runtime, "ingress", "new_membership", run.generation)
    # When the next run requires their contacts, and the writer is faster than the reader
    run.start(CONTACTS, MEMBERSHIPS)
    write(run.runtime, "ingress", "new_membership", run.generation, 0)
    assert held(run, hidden=True) == set()
    carry(run)
    # Then Campaign shows all of them, and none was set aside
    assert (len(held(run, hidden=False)), held(run, hidden=True)) == (10, set())
    assert list(run.workflow.queue("new_membership").dead_letters()) == []
