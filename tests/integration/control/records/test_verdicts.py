"""d365acs record explain: what becomes of one record, told by the pieces that would do it, against the sandbox."""

from pathlib import Path

import pytest

from config.document import Document, dump
from control.demo.sandbox import Sandbox
from store.store import Store, WorkflowStore
from tests.integration.control.conftest import Run
from tests.integration.control.flowing import flow, run_ingress
from tests.integration.control.records.conftest import changed, told


def test_a_record_is_explained_before_anything_ever_ran(run: Run, sandbox: Sandbox, ann: str) -> None:
    # Given a workflow that is off, When a contact is explained that was never read
    part = told(run, ann)
    # Then it is found in Dynamics, and what a start would do is told
    assert part["verdict"] == "It was not read yet; ingress is STOPPED; once it runs, it would be created."
    assert (part["action"], part["ledger"], part["campaign"]["count"]) == ("create", None, 0)
    assert part["filter"]["conditions"] == [{"condition": "statecode equals 0", "value": "(a number)", "holds": True}]
    # And the mapping is told line by line, without values
    lines = {line["target"]: line for line in part["fields"]}
    assert (lines["lastName"]["source"], lines["lastName"]["value"]) == ("lastname", "(7 characters)")
    assert lines["lastName"]["result"] == "(7 characters)"
    assert sandbox.ask("GET", "/journal") in ({}, [])


def test_an_explanation_says_why_nothing_is_sent_and_what_would_be(
    run: Run, store: Store, sandbox: Sandbox, ann: str
) -> None:
    # Given a contact that was written
    run_ingress(store)
    flow(store, ["contact"])
    # When it is explained, Then the ledger is the reason
    part = told(run, ann)
    assert part["verdict"].startswith("Nothing is sent, because Campaign was confirmed to hold exactly this, last on ")
    assert (part["action"], part["campaign"]["differences"]) == ("nothing", [])
    # When it changes in Dynamics, Then the change and its field are told
    changed(sandbox, ann, lastname="Miller-Sanders")
    part = told(run, ann)
    assert part["verdict"] == (
        "Its last change was not read yet; the next look at Dynamics brings it; then an update of 1 field would be "
        "sent (lastName)."
    )
    # When it was read, Then it waits on the queue
    flow(store, ["contact"], write=False)
    part = told(run, ann)
    assert part["verdict"].startswith("It waits on the queue since ")
    assert part["verdict"].endswith("; when its turn comes, an update of 1 field would be sent (lastName).")
    assert part["waiting"]["lane"] == "live"
    # When somebody changes what is not ours in Campaign, Then that is told, too
    flow(store, ["contact"])
    assert [one["outcome"] for one in told(run, ann)["lately"]] == ["updated", "created"]
    sandbox.ask("PATCH", f"/campaign/resources/profile/{ann}", {"lastName": "Overwritten"})
    part = told(run, ann)
    assert "yet Campaign shows other values now (lastName)" in part["verdict"]
    assert part["campaign"]["differences"][0]["campaign"] == "(11 characters)"


def test_a_record_that_its_filter_keeps_back_names_the_condition(
    run: Run, store: Store, sandbox: Sandbox, ann: str
) -> None:
    run_ingress(store)
    flow(store, ["contact"])
    changed(sandbox, ann, statecode=1)
    part = told(run, ann)
    assert part["verdict"] == (
        "Nothing is sent, because it does not pass the filter (statecode equals 0); Campaign keeps it as it is."
    )
    assert [one["holds"] for one in part["filter"]["conditions"]] == [False]


def test_a_value_that_does_not_fit_is_told_with_its_line(
    run: Run, store: Store, file: Path, document: Document, ann: str
) -> None:
    # Given a mapping that writes a text into a number
    file.write_text(dump(document).replace("to: lastName", "to: cusLoyaltyPoints"))
    assert run("config", "apply", str(file)).exit_code == 0
    # When a record is explained, Then it would be set aside, and the line says why
    part = told(run, ann)
    why = "lastname does not fit cusLoyaltyPoints: it is not a plain whole number."
    assert part["verdict"].endswith(f"once it runs, it would be set aside: {why}")
    assert part["action"] == "refuse"
    [line] = [line for line in part["fields"] if line["target"] == "cusLoyaltyPoints"]
    assert (line["misfit"], line["result"]) == (why, None)
    # And the others are told as they would be written
    assert not [one for one in part["fields"] if one["misfit"] and one is not line]


def test_a_record_that_is_gone_is_told(run: Run, store: Store, sandbox: Sandbox) -> None:
    run_ingress(store)
    flow(store, ["contact"])
    [_, other, *_] = [row["contactid"] for row in sandbox.rows("contact")]
    sandbox.ask("POST", "/dynamics/tables/contact/delete", {"ids": [other]})
    part = told(run, other)
    assert part["verdict"].endswith("its deletion would be sent, because Dynamics does not have it any more.")
    assert (part["action"], part["dynamics"]["there"], part["campaign"]["count"]) == ("delete", False, 1)


def test_what_is_kept_is_told_while_the_systems_are_away(run: Run, store: Store, sandbox: Sandbox, ann: str) -> None:
    run_ingress(store)
    flow(store, ["contact"])
    sandbox.ask("PUT", "/faults", {"dynamics": {"rate_503": 1}})
    part = told(run, ann)
    sandbox.ask("PUT", "/faults", {})
    assert (part["action"], part["ledger"]["standing"], part["dynamics"]) == ("unknown", "present", None)
    assert part["verdict"] == "Nothing of it waits; what comes of it cannot be told now."
    assert len(part["troubles"]) == 1


@pytest.mark.parametrize("again", ["on its next change", "by a full read", "by a replay"])
def test_after_changes_of_a_field_were_switched_off_nothing_is_announced_that_does_not_come(
    run: Run,
    store: Store,
    ingress: WorkflowStore,
    sandbox: Sandbox,
    file: Path,
    document: Document,
    ann: str,
    again: str,
) -> None:
    # Given contacts that were written
    run_ingress(store)
    flow(store, ["contact"])
    # When changes of a field are no longer written, which reads nothing again; or something else is changed with it,
    # or a replay asked for, which does
    assert document.ingress is not None
    contact, *rest = document.ingress.tables
    kept = [one for one in contact.fields if again != "by a full read" or one.target != "middleName"]
    fields = [one.model_copy(update={"apply_updates": one.target != "firstName"}) for one in kept]
    contact = contact.model_copy(update={"fields": tuple(fields)})
    edited = document.model_copy(update={"ingress": document.ingress.model_copy(update={"tables": (contact, *rest)})})
    file.write_text(dump(edited))
    assert run("config", "apply", str(file)).exit_code == 0
    if again == "by a replay":
        assert run("replay", "create", "contact").exit_code == 0
    assert run("workflow", "stop", "ingress").exit_code == 0
    stopped = told(run, ann)["verdict"]
    ingress.replays.begin(store.now_ms())
    run_ingress(store)
    flow(store, ["contact"])
    part = told(run, ann)
    # Then nothing is announced that nothing brings
    assert (part["action"], part["waiting"], part["campaign"]["differences"]) == ("nothing", None, [])
    when = part["ledger"]["confirmed"].replace("T", " ").removesuffix("Z")
    confirmed = "Nothing is sent, because Campaign was confirmed to hold"
    if again == "on its next change":
        assert part["verdict"] == stopped
        assert part["verdict"] == (
            f"{confirmed} its last change, last on {when} UTC, and shows all that the mapping makes of it; its next "
            "change, or a replay, is written in any case."
        )
        # And where Campaign shows something else, the field is named, and what would bring it
        sandbox.ask("PATCH", f"/campaign/resources/profile/{ann}", {"lastName": "Overwritten"})
        assert told(run, ann)["verdict"] == (
            f"Campaign was confirmed to hold its last change, last on {when} UTC, as the mapping made it then; its "
            "next change, or a replay, brings what it makes of it now; then an update of 1 field would be sent "
            "(lastName)."
        )
    else:
        assert part["verdict"] == f"{confirmed} exactly this, last on {when} UTC."
    if again == "by a full read":
        assert stopped == (
            "Everything of contact is read again, since its mapping has changed; ingress is STOPPED; once it runs, an "
            "update would be sent although Campaign holds the same."
        )
