"""d365acs record explain, of records that link to others: what they wait for, and with which they leave."""

import json

import pytest

from control.demo.sandbox import Sandbox
from store.ledger import Entry, Standing
from store.outcomes import Outcome, Parent, Reason, Refused, Unsent, Written
from store.records import Change, Lane
from store.store import Store, WorkflowStore
from sync.streams import parent_left
from tests.integration.control.conftest import Run
from tests.integration.control.flowing import flow, run_ingress
from tests.integration.control.records.conftest import changed, told


def test_a_child_waits_for_its_parent_and_a_pkey_leads_to_the_record(run: Run, store: Store, sandbox: Sandbox) -> None:
    run_ingress(store)
    membership = sandbox.rows("new_membership")[0]
    # Given a membership whose contact was not written
    part = told(run, membership["new_membershipid"])
    holder = part["links"][0]
    assert (holder["target"], holder["table"], holder["required"]) == ("holder", "contact", True)
    assert holder["stands"].startswith("not known to be in Campaign")
    assert part["action"] == "wait"
    assert part["verdict"].endswith(f"it would wait for the contact {holder['parent']} that it links to.")
    # When both are written, Then Campaign holds the same, and its PKey leads to the record
    flow(store, ["contact", "new_membership"])
    part = told(run, membership["new_membershipid"])
    assert (part["action"], part["campaign"]["differences"]) == ("nothing", [])
    [record] = [one for one in sandbox.records("cusMembership") if one["crmId"] == membership["new_membershipid"]]
    by_pkey = json.loads(run("record", "explain", record["PKey"], "-o", "json").stdout)
    assert by_pkey["id"] == membership["new_membershipid"]
    assert by_pkey["named"] == [f"It is the PKey of a cusMembership with crmId {by_pkey['id']}."]


def test_a_child_that_leaves_with_its_parent_names_it(
    run: Run, store: Store, ingress: WorkflowStore, sandbox: Sandbox
) -> None:
    generation = run_ingress(store)
    flow(store, ["contact", "new_membership"])
    row = sandbox.rows("new_membership")[0]
    membership, holder = row["new_membershipid"], row["_new_contactid_value"]
    # Given a deletion that waits, since the record that it links to leaves Campaign
    queue = ingress.queue("new_membership")
    [entry] = queue.ledger.entries([membership])
    assert entry is not None
    change = Change(membership, entry.version, parent_left(Parent("contact", holder)))
    queue.feed(generation, [change], Lane.REPLAY)
    # When it is explained, Then that is told, although the record itself is as it was
    part = told(run, membership)
    assert part["verdict"].endswith(
        f"its deletion would be sent, because the contact {holder} that it links to leaves Campaign."
    )
    assert (part["action"], part["waiting"]["lane"]) == ("delete", "replay")


def test_a_deletion_that_is_too_early_says_what_goes_first(run: Run, store: Store, sandbox: Sandbox) -> None:
    # Given a contact that was deleted, while nothing was read of the memberships since
    run_ingress(store)
    flow(store)
    contact = sandbox.rows("new_membership")[0]["_new_contactid_value"]
    sandbox.ask("POST", "/dynamics/tables/contact/delete", {"ids": [contact]})
    flow(store, ["contact"])
    # When it is explained, Then what it waits for is told
    part = told(run, contact)
    assert (part["action"], part["lately"][0]["outcome"]) == ("delete", "again")
    assert "goes first; when its turn comes, its deletion would be sent" in part["verdict"]
    assert ": what was changed in new_membership" in part["verdict"]


@pytest.mark.parametrize("how", ["unread", "waiting", "set aside", "absent", "present"])
def test_a_parked_record_says_how_its_parent_stands_and_what_to_do_next(
    run: Run, store: Store, ingress: WorkflowStore, sandbox: Sandbox, how: str
) -> None:
    # Given a membership that is parked for its contact
    generation = run_ingress(store)
    row = sandbox.rows("new_membership")[0]
    membership, contact = row["new_membershipid"], row["_new_contactid_value"]
    flow(store, ["new_membership"])
    # When that one was not read yet, waits, is set aside, is gone from Dynamics, or has just come
    if how in ("waiting", "set aside", "present"):
        flow(store, ["contact"], write=False)
        batch = ingress.queue("contact").lease(generation, 500, 60_000)
        ends: list[Outcome] = [Unsent(record.id) for record in batch.records]
        if how == "set aside":
            ends = [Refused(record.id, Reason("unmappable", "Too long.")) for record in batch.records]
        if how == "present":
            there = Entry(Standing.PRESENT, 2, 1, bytes(8))
            ends = [Written(record.id, there) for record in batch.records]
        ingress.queue("contact").settle(batch.number, ends)
    elif how == "absent":
        sandbox.ask("POST", "/dynamics/tables/contact/delete", {"ids": [contact]})
    # Then that is told in one sentence, with the command that leads on
    explain = f"d365acs record explain {contact}"
    sentences = {
        "unread": f"is in Dynamics, and was not read yet or was given up; see which with: {explain}",
        "waiting": f"waits on the queue itself, and this one follows by itself; see it with: {explain}",
        "set aside": "is a dead letter itself (unmappable): mend and retry that first; see it with: d365acs dlq show "
        f"ingress {contact}",
        "absent": f"is not in Dynamics: correct the lookup there; see it with: {explain}",
        "present": f"is in Campaign by now, and this one follows by itself; see it with: {explain}",
    }
    part = told(run, membership)
    assert part["waiting"]["where"] == "parked"
    assert part["awaited"] == {
        "stream": "contact", "id": contact, "how": how,
        "sentence": f"The contact {contact} that it waits for {sentences[how]}",
    }  # fmt: skip
    assert part["next"] == [explain]
    assert run("record", "explain", membership).stdout.splitlines()[4] == part["awaited"]["sentence"]


def test_a_parent_that_its_filter_keeps_back_is_told_while_dynamics_is_away_too(
    run: Run, store: Store, sandbox: Sandbox
) -> None:
    run_ingress(store)
    row = sandbox.rows("new_membership")[0]
    membership, contact = row["new_membershipid"], row["_new_contactid_value"]
    changed(sandbox, contact, statecode=1)
    flow(store, ["new_membership"])
    sentence = f"The contact {contact} that it waits for does not pass the filter of its table; see the conditions with"
    assert told(run, membership)["awaited"]["sentence"] == f"{sentence}: d365acs record explain {contact}"
    # When Dynamics is away, Then what is kept is told: nothing of this one
    sandbox.ask("PUT", "/faults", {"dynamics": {"rate_503": 1}})
    away = told(run, membership)
    sandbox.ask("PUT", "/faults", {})
    assert (away["action"], away["awaited"]["how"]) == ("unknown", "unknown")
