"""d365acs record explain: what becomes of one record, told by the pieces that would do it, against the sandbox."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.document import Document, dump
from config.ingress import Filter
from control.demo.sandbox import Sandbox
from control.demo.stage import SECRETS, document_for
from control.words import exact
from store.ledger import Entry, Standing
from store.outcomes import Outcome, Parent, Reason, Refused, Unsent, Written
from store.records import Change, Lane
from store.store import Store, WorkflowStore
from sync.streams import parent_left
from tests.integration.control.conftest import Run
from tests.integration.control.flowing import flow, run_ingress

ACTIVE = {"all": [{"field": "statecode", "is": "equals", "value": 0}]}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox({"contacts": 5, "memberships": 3}, tmp_path_factory.mktemp("sandbox") / "sandbox.log")
    yield sandbox
    sandbox.stop()


@pytest.fixture
def document(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Document:
    """The demonstration's configuration, in which inactive contacts do not travel."""
    sandbox.ask("POST", "/reset")
    monkeypatch.setenv(SECRETS["dynamics"], sandbox.info["dynamics"]["client_secret"])
    monkeypatch.setenv(SECRETS["campaign"], sandbox.info["campaign"]["client_secret"])
    document = document_for(sandbox.info)
    assert document.ingress is not None
    contact, *rest = document.ingress.tables
    contact = contact.model_copy(update={"filter": Filter.model_validate(ACTIVE)})
    return document.model_copy(update={"ingress": document.ingress.model_copy(update={"tables": (contact, *rest)})})


@pytest.fixture(autouse=True)
def configured(run: Run, document: Document, file: Path, acknowledged: None) -> None:
    file.write_text(dump(document))
    assert run("config", "apply", str(file)).exit_code == 0


@pytest.fixture
def ann(sandbox: Sandbox) -> str:
    """A contact."""
    [first, *_] = sandbox.rows("contact")
    sandbox.ask("PATCH", f"/dynamics/tables/contact/{first['contactid']}", {"lastname": "Sanders", "statecode": 0})
    return str(first["contactid"])


def told(run: Run, *arguments: str) -> dict[str, Any]:
    """The one part of an explanation."""
    result = run("record", "explain", *arguments, "-o", "json")
    assert result.exit_code == 0, result.stderr
    [part] = json.loads(result.stdout)["parts"]
    return part  # type: ignore[no-any-return]


def changed(sandbox: Sandbox, contact: str, **values: object) -> None:
    sandbox.ask("PATCH", f"/dynamics/tables/contact/{contact}", values)


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


def test_a_dead_letter_says_its_reason_and_what_a_retry_would_do(
    run: Run, store: Store, ingress: WorkflowStore, sandbox: Sandbox, ann: str
) -> None:
    generation = run_ingress(store)
    flow(store, ["contact"], write=False)
    queue = ingress.queue("contact")
    batch = queue.lease(generation, 500, 60_000)
    reason = Reason("already-exists", "Campaign has another profile with this email.", "campaign")
    queue.settle(batch.number, [Refused(record.id, reason) for record in batch.records])
    part = told(run, ann)
    assert part["verdict"].startswith("It was set aside on ")
    assert part["verdict"].endswith(
        "(already-exists): Campaign has another profile with this email; if it were tried again now, it would be "
        "created."
    )
    assert part["next"] == [f"d365acs dlq show ingress {ann}", f"d365acs dlq retry ingress {ann}"]


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


def test_who_retried_and_who_dropped_a_dead_letter_is_told(
    run: Run, store: Store, ingress: WorkflowStore, sandbox: Sandbox, ann: str
) -> None:
    # Given a contact that was set aside at the second attempt, retried, set aside again, and given up
    generation = run_ingress(store)
    flow(store, ["contact"], write=False)
    queue, reason = ingress.queue("contact"), Reason("already-exists", "Another profile has it.", "campaign")

    def refuse() -> None:
        batch = queue.lease(generation, 500, 60_000)
        refused = [Refused(record.id, reason, 500) for record in batch.records]
        queue.settle(batch.number, refused)
        ingress.outcomes("contact").note(refused, tried={ann: 1})

    refuse()
    run("dlq", "retry", "ingress", ann, "--why", "merged", D365ACS_ACTOR="bob")
    refuse()
    run("dlq", "drop", "ingress", "--cause", "already-exists", "--why", "test data", "--yes")
    # When it is explained, Then all of that is told, and by whom
    part = told(run, ann)
    assert [(one["outcome"], one["cause"], one["status"], one["attempts"], one["by"]) for one in part["lately"]] == [
        ("dropped", None, None, 0, "ann"),
        ("refused", "already-exists", 500, 2, None),
        ("retried", None, None, 0, "bob"),
        ("refused", "already-exists", 500, 2, None),
    ]
    when = [one["at"].replace("T", " ").removesuffix("Z") for one in part["lately"]]
    why = part["lately"][0]["why"]
    assert why.startswith("5 dead letters (already-exists, until ") and why.endswith("): test data")
    assert part["verdict"] == (
        f"It was given up on {when[0]} UTC by ann; a replay brings it, or its next change; then it would be created."
    )
    lines = run("record", "explain", ann).stdout.splitlines()
    assert lines[lines.index("Lately") + 2 :] == [
        f"{when[0]} UTC  given up by ann: {why}",
        f"{when[1]} UTC  set aside: already-exists (500), at attempt 2",
        f"{when[2]} UTC  retried by bob: 1 dead letter ({ann}): merged",
        f"{when[3]} UTC  set aside: already-exists (500), at attempt 2",
    ]
    # And of one that is gone from Dynamics, too, what is remembered is told
    sandbox.ask("POST", "/dynamics/tables/contact/delete", {"ids": [ann]})
    gone = told(run, ann)
    assert (gone["dynamics"]["there"], gone["lately"][0]["by"]) == (False, "ann")


def test_what_was_retried_and_changed_meanwhile_is_told_with_times_that_can_be(
    run: Run, store: Store, ingress: WorkflowStore, sandbox: Sandbox, ann: str
) -> None:
    # Given a contact that was set aside a while ago, and retried
    generation = run_ingress(store)
    flow(store, ["contact"], write=False)
    queue = ingress.queue("contact")
    long_ago = store.now_ms() - 3_600_000
    waiting = store.redis.hget(queue.keys.records, ann)
    assert isinstance(waiting, bytes)
    version, _, rest = waiting.split(b" ", 2)
    store.redis.hset(queue.keys.records, ann, b"%b %d %b" % (version, long_ago, rest))
    batch = queue.lease(generation, 500, 60_000)
    reason = Reason("already-exists", "Another profile has it.", "campaign")
    queue.settle(batch.number, [Refused(record.id, reason) for record in batch.records])
    assert run("dlq", "retry", "ingress", ann, D365ACS_ACTOR="bob").exit_code == 0
    # When it waits, Then it is as old as it is, and the retry is told
    part = told(run, ann)
    retried = f"since {exact(long_ago)}, retried on {part['waiting']['retried'].replace('T', ' ')[:-1]} UTC by bob"
    assert part["verdict"].startswith(f"It waits on the queue {retried}; when its turn comes, ")
    line = next(line for line in run("record", "explain", ann).stdout.splitlines() if line.startswith("Queue"))
    assert line.endswith(f"it waits for its turn {retried}, among replays and full reads")
    # When it has changed meanwhile, and was written
    changed(sandbox, ann, lastname="Miller-Sanders")
    flow(store, ["contact"])
    # Then what was confirmed is told with the time of that, which is not before the change
    part = told(run, ann)
    when = part["lately"][0]["at"].replace("T", " ").removesuffix("Z")
    assert (part["ledger"]["confirmed"], part["lately"][0]["outcome"]) == (part["lately"][0]["at"], "created")
    assert part["verdict"] == (
        f"Nothing is sent, because Campaign was confirmed to hold exactly this, last on {when} UTC."
    )
    assert exact(long_ago) not in run("record", "explain", ann).stdout
    # And where that is not kept any more, the time since which it had waited is told as what it is
    store.redis.delete(queue.keys.outcomes)
    assert told(run, ann)["verdict"].endswith(f" exactly this, which was read on {exact(long_ago)} or later.")


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


def test_its_consent_is_told_in_a_sentence_and_has_a_command_of_its_own(
    run: Run, optinout: WorkflowStore, ann: str
) -> None:
    # Given a change of a contact's consent that waits
    assert optinout.lifecycle.start("ann", "", 1)
    generation = optinout.lifecycle.read().generation
    optinout.lifecycle.add_streams(["consent"])
    assert optinout.lifecycle.run(generation, "start-up checks", "both systems answer")
    queue = optinout.queue("consent")
    queue.feed(generation, [Change(ann, 1, b"{}")], Lane.LIVE)
    own = f". Consent has a command of its own, which says what was decided and why: d365acs consent explain {ann}"

    def consent() -> str:
        told_ = run("record", "explain", ann, "--workflow", "optinout")
        assert told_.exit_code == 0
        *_, line = told_.stdout.splitlines()
        return line.removesuffix(own)

    # When it is explained, Then that is said
    assert consent().startswith("optinout, consent: it waits on the queue since ")
    # And once it was set aside, that
    batch = queue.lease(generation, 500, 60_000)
    queue.settle(batch.number, [Refused(ann, Reason("unmappable", "It has no time."))])
    assert consent().startswith("optinout, consent: it was set aside on ")
    assert consent().endswith(" (unmappable): It has no time")
    # And once it was written, when
    queue.drop({ann: queue.set_aside_of([ann])[0].dead_ms})
    log = optinout.outcomes("consent")
    log.note([Written(ann, None)])
    written = f"it was written on {exact(log.of(ann)[0].at_ms)}"
    assert consent() == f"optinout, consent: nothing of it waits, and nothing was set aside; {written}"


def test_a_pkey_is_no_id_of_dynamics(run: Run) -> None:
    result = run("record", "explain", "@UiBKnwFGiJ3dpFLX", "--system", "dynamics")
    assert (result.exit_code, result.stdout, result.stderr) == (
        1,
        "",
        "Error: @UiBKnwFGiJ3dpFLX begins with @, as PKeys of Campaign do, and no id of Dynamics; leave --system "
        "dynamics out.\n",
    )


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


def test_values_are_shown_only_on_record(run: Run, ingress: WorkflowStore, ann: str) -> None:
    masked = run("record", "explain", ann)
    assert "Sanders" not in masked.stdout
    assert masked.stderr == "See the values with --reveal, which is entered into the history.\n"
    assert not [act for act in ingress.acts.newest() if act.action == "reveal"]
    revealed = run("record", "explain", ann, "--reveal")
    assert "Sanders" in revealed.stdout
    [act] = [act for act in ingress.acts.newest() if act.action == "reveal"]
    assert (act.by, act.stream, act.why) == ("ann", "contact", f"explained {ann}")


def test_what_is_kept_is_told_while_the_systems_are_away(run: Run, store: Store, sandbox: Sandbox, ann: str) -> None:
    run_ingress(store)
    flow(store, ["contact"])
    sandbox.ask("PUT", "/faults", {"dynamics": {"rate_503": 1}})
    part = told(run, ann)
    sandbox.ask("PUT", "/faults", {})
    assert (part["action"], part["ledger"]["standing"], part["dynamics"]) == ("unknown", "present", None)
    assert part["verdict"] == "Nothing of it waits; what comes of it cannot be told now."
    assert len(part["troubles"]) == 1


def test_people_see_the_verdict_first_and_unknown_ids_are_said(run: Run, ann: str) -> None:
    lines = run("record", "explain", ann).stdout.splitlines()
    assert lines[:4] == [
        f"Record {ann}",
        "",
        "ingress, contact",
        "It was not read yet; ingress is STOPPED; once it runs, it would be created.",
    ]
    assert [line.split("  ")[0] for line in lines[5:10]] == ["Workflow", "Queue", "Ledger", "Dynamics", "Campaign"]
    stranger = "5d6c7f1e-0f0b-4b0e-9a58-00000000ffff"
    unknown = run("record", "explain", stranger)
    assert (unknown.exit_code, unknown.stderr) == (
        1,
        f"Error: Nothing is known of {stranger}: it is neither kept here nor in 4 mapped tables of Dynamics; looked "
        "for in contact, new_membership, new_invoice and new_invoiceline.\n",
    )
    consent = run("record", "explain", stranger, "--workflow", "optinout")
    assert consent.stderr == f"Error: optinout knows nothing of {stranger}: it has seen no change of its consent.\n"
    assert run("record", "explain", stranger, "--workflow", "egress").stderr.startswith(
        "Error: egress has no configuration yet;"
    )
    wrong = run("record", "explain", "nonsense", "--system", "campaign")
    assert wrong.exit_code == 1
    assert wrong.stderr.startswith("Error: nonsense is not the id of a record;")


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
