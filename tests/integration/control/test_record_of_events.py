"""d365acs record explain, of events: whether one waits, waits for its contact, appears, or is on the timeline."""

import json
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import orjson
import pytest

from config.document import Document, dump
from config.egress import EgressConfig
from control.demo.sandbox import Sandbox, connections_to
from control.demo.stage import SECRETS
from control.live_streams import in_use, live
from store.client import text
from store.outcomes import Outcome, Parent, Parked, Reason, Refused, Unsent
from store.records import Change, Lane
from store.store import Store, WorkflowStore
from sync.events.event import activity_id
from sync.guid import is_guid
from sync.reading import read_slice
from sync.writing import write_slice
from tests.integration.control.conftest import Run
from tests.integration.control.demonstrated import know_secrets
from tests.integration.control.flowing import PIECE

STRANGER = "5d6c7f1e-0f0b-4b0e-9a58-00000000ffff"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    options = {"contacts": 5, "campaign-events": 20}
    sandbox = Sandbox(options, tmp_path_factory.mktemp("sandbox") / "sandbox.log")
    yield sandbox
    sandbox.stop()


@pytest.fixture(autouse=True)
def generation(
    run: Run, sandbox: Sandbox, file: Path, acknowledged: None, egress: WorkflowStore, monkeypatch: pytest.MonkeyPatch
) -> int:
    """Egress runs; clicks do not appear."""
    sandbox.ask("POST", "/reset")
    know_secrets(sandbox, monkeypatch)
    config = EgressConfig.model_validate({"events": {"clicks": False}})
    file.write_text(dump(Document(connections=connections_to(sandbox.info, SECRETS), egress=config)))
    applied = run("config", "apply", str(file))
    assert applied.exit_code == 0, applied.stderr
    assert egress.lifecycle.start("ann", "", 1)
    generation = egress.lifecycle.read().generation
    egress.lifecycle.add_streams(["events"])
    assert egress.lifecycle.run(generation, "start-up checks", "both systems answer")
    return generation


def told(run: Run, *arguments: str) -> dict[str, Any]:
    result = run("record", "explain", *arguments, "-o", "json")
    assert result.exit_code == 0, result.stderr
    [part] = json.loads(result.stdout)["parts"]
    return part  # type: ignore[no-any-return]


def flow(store: Store, generation: int, write: bool) -> None:
    """The journal is read and, where that is wanted, what was read is written."""
    use = in_use(store, "egress")
    assert use is not None
    with live(store, use) as found:
        stream = found.streams["events"]
        read_slice(stream, use.workflow, generation, PIECE)
        if write:
            write_slice(stream, found.streams, use.workflow, generation, 0, PIECE, 60.0, 200)


def waiting(egress: WorkflowStore, store: Store) -> dict[str, dict[str, Any]]:
    """The events on the queue by the ids of their activities."""
    ids = [text(raw) for raw in store.redis.hkeys(egress.queue("events").keys.records)]
    found = egress.queue("events").payloads(ids)
    return {id_: orjson.loads(payload.partition(b" ")[2]) for id_, payload in found.items()}


def test_an_event_is_followed_from_the_queue_to_the_timeline(
    run: Run, store: Store, egress: WorkflowStore, generation: int
) -> None:
    # Given events that were read and wait
    flow(store, generation, write=False)
    events = waiting(egress, store)
    activity = next(iter(events))
    part = told(run, activity)
    # Then the kind and what comes of it are told, and no value
    assert part["verdict"].startswith("It waits on the queue since ")
    assert part["verdict"].endswith(f"its {part['event']['kind']} would be shown on the contact's timeline.")
    assert (part["action"], part["event"]["activity"]) == ("create", False)
    # When it is written, Then Dynamics shows it
    flow(store, generation, write=True)
    part = told(run, activity)
    assert part["verdict"] == "Dynamics shows it on the contact's timeline; nothing more is sent."
    assert (part["action"], part["waiting"], part["event"]["activity"]) == ("nothing", None, True)


def test_an_event_is_found_by_its_own_id_and_one_that_is_switched_off_says_so(
    run: Run, egress: WorkflowStore, generation: int, sandbox: Sandbox
) -> None:
    # Given a click on the queue, read before clicks were switched off
    click = activity_id("click", "made-up-1")
    fields = EgressConfig().journal.fields
    value: dict[str, Any] = {}
    for path, told_ in ((fields.id, "made-up-1"), (fields.type, "click"), (fields.contact, STRANGER)):
        at, *rest = path.split(".")
        inner = value
        for step in [at, *rest][:-1]:
            inner = inner.setdefault(step, {})
        inner[path.split(".")[-1]] = told_
    queue = egress.queue("events")
    queue.put_page(
        generation, egress.cursor("events").number, [Change(click, 1, b"journal " + orjson.dumps(value))], ""
    )
    # When it is asked for by Campaign's id of the event
    result = json.loads(run("record", "explain", "made-up-1", "-o", "json").stdout)
    # Then it is found
    assert result["named"] == ["It is no id of Dynamics, so it is taken for the id of an event of Campaign."]
    [part] = result["parts"]
    assert (part["id"], part["event"]["kind"], part["action"]) == (click, "click", "nothing")
    assert part["verdict"].endswith("nothing is sent, because clicks are switched off (egress.events.clicks).")


def test_an_event_is_found_by_its_own_id_that_looks_like_one_of_dynamics(
    run: Run, store: Store, egress: WorkflowStore, generation: int, sandbox: Sandbox
) -> None:
    # Given events whose ids are GUIDs, as Campaign's are, of which one waits, one is parked and one was set aside
    flow(store, generation, write=False)
    path = EgressConfig().journal.fields.id.split(".")
    own = {activity: str(reduce(getitem, path, value)) for activity, value in waiting(egress, store).items()}
    assert all(is_guid(id_) for id_ in own.values())
    waits, parked, refused, shown_ = list(own)[:4]
    queue = egress.queue("events")
    batch = queue.lease(generation, 500, 60_000)
    ends: list[Outcome] = [Unsent(record.id) for record in batch.records if record.id not in (parked, refused)]
    ends += [Parked(parked, Parent("contact", STRANGER), released=False)]
    ends += [Refused(refused, Reason("unmappable", "It has no time."))]
    queue.settle(batch.number, ends)
    # When each is asked for by Campaign's id, in its spelling, with or without a workflow
    begins = {waits: "It waits on the queue since", parked: "It is parked since", refused: "It was set aside on"}
    for activity, begin in begins.items():
        for more in ((), ("--workflow", "egress"), ("--system", "campaign")):
            # Then it is found, as it is by the id of its activity
            found = json.loads(run("record", "explain", own[activity], *more, "-o", "json").stdout)
            [part] = found["parts"]
            assert (part["id"], part["verdict"].startswith(begin)) == (activity, True)
            assert found["named"] == [
                "It is the id of an event of Campaign; its activity in Dynamics has another one, which is made of it."
            ]
    # And so is one of which nothing is kept here any more, but which Dynamics shows
    flow(store, generation, write=True)
    store.redis.delete(queue.keys.outcomes)
    assert told(run, own[shown_])["verdict"] == "Dynamics shows it on the contact's timeline; nothing more is sent."
    # And what is none of an event says so
    none = run("record", "explain", STRANGER[:-1] + "e", "--workflow", "egress")
    assert none.exit_code == 1
    assert none.stderr.startswith("Error: egress knows nothing of ")
    dynamics = run("record", "explain", own[shown_], "--system", "dynamics")
    assert (dynamics.exit_code, dynamics.stdout) == (1, "")


def test_events_that_wait_for_a_contact_are_told_by_its_id(
    run: Run, egress: WorkflowStore, generation: int, sandbox: Sandbox
) -> None:
    # Given an event that waits for a contact that Dynamics does not have
    queue = egress.queue("events")
    send = activity_id("send", "made-up-2")
    queue.put_page(generation, egress.cursor("events").number, [Change(send, 1, b"journal {}")], "", Lane.LIVE)
    batch = queue.lease(generation, 500, 60_000)
    queue.settle(batch.number, [Parked(send, Parent("contact", STRANGER), released=False)])
    # When the contact is explained, Then the event is named
    told_ = run("record", "explain", STRANGER).stdout
    assert "1 event of this contact waits for it: Dynamics did not have it." in told_
    assert f"d365acs record explain {send}" in told_
    # And that is told while nobody can be asked for more
    sandbox.ask("PUT", "/faults", {"dynamics": {"rate_503": 1}})
    away = run("record", "explain", STRANGER)
    sandbox.ask("PUT", "/faults", {})
    assert "1 event of this contact waits for it" in away.stdout
    assert "Whether anybody else knows it cannot be told now: " in away.stdout
    # And the event says for whom it waits
    assert f"it waits for the contact {STRANGER}" in told(run, send)["verdict"]


def test_a_dry_run_counts_the_events_that_then_appear(
    run: Run, store: Store, egress: WorkflowStore, generation: int, sandbox: Sandbox
) -> None:
    # Given a journal of which nothing was read
    # When the start is rehearsed
    result = run("workflow", "start", "egress", "--dry-run", "-o", "json")
    assert result.exit_code == 0, result.stderr
    [events] = json.loads(result.stdout)["tables"]
    # Then nothing was read for good, or written
    assert (egress.cursor("events").number, egress.queue("events").total()) == (0, 0)
    assert shown(sandbox) == 0
    assert (events["records"], events["invalid"], events["engine_calls"]) == (20, 0, 0)
    # And what was counted is what happens; once it has, nothing is left to be done
    flow(store, generation, write=True)
    assert shown(sandbox) == events["create"] > 0
    again = run("workflow", "start", "egress", "--dry-run").stdout
    assert again.endswith("Campaign is not written to. Nothing was written to Dynamics.\n")


def test_what_is_no_id_at_all_is_told_what_an_id_can_be(run: Run) -> None:
    wrong = run("record", "explain", "nope")
    assert (wrong.exit_code, wrong.stdout, wrong.stderr) == (
        1,
        "",
        "Error: nope is neither the id of a record, such as 5d6c7f1e-0f0b-4b0e-9a58-000000000001, nor a PKey, which "
        "begins with @, nor the id of an event that waits, was set aside, or is in Dynamics; see what was set aside "
        "with: d365acs dlq ls\n",
    )


def test_an_event_that_was_given_up_says_by_whom(run: Run, egress: WorkflowStore, generation: int) -> None:
    # Given an event that was set aside
    queue, send = egress.queue("events"), activity_id("send", "made-up-3")
    queue.put_page(generation, egress.cursor("events").number, [Change(send, 1, b"journal {}")], "", Lane.LIVE)
    batch = queue.lease(generation, 500, 60_000)
    queue.settle(batch.number, [Refused(send, Reason("unmappable", "It has no time."))])
    # When its letter is dropped, Then it is known by its id as that which was given up
    assert run("dlq", "drop", "egress", send, "--why", "a test", "--yes").exit_code == 0
    for id_ in (send, "made-up-3"):
        part = told(run, id_)
        assert part["verdict"].startswith("It was given up on ")
        assert part["verdict"].endswith(
            " by ann; events of a time are read again with: d365acs replay create egress --since TIME."
        )


def test_a_replay_of_a_window_is_rehearsed_and_not_asked_for(
    run: Run, store: Store, egress: WorkflowStore, generation: int
) -> None:
    # Given a journal that was read to its end
    flow(store, generation, write=True)
    # When a replay of all of it is rehearsed, Then every event is looked at again, and none would be shown twice
    told_ = run("replay", "create", "egress", "--dry-run", "-o", "json")
    [events] = json.loads(told_.stdout)["tables"]
    assert (events["records"], events["create"], events["reads"]) == (20, 0, "the journal, from its beginning")
    assert events["unchanged"] > 0
    # And of a window in which nothing happened, none
    line = run("replay", "create", "egress", "--until", "2001-01-01", "--dry-run").stdout.splitlines()[1]
    assert line.split()[:2] == ["events", "0"]
    assert line.endswith("the journal, until 2001-01-01 00:00 UTC")
    assert egress.replays.both() == ({}, {})
    # And what has no rehearsal says why, and what to do instead
    assert run("replay", "create", "optinout", "--dry-run").stderr == (
        "Error: A replay of optinout compares both systems as they are now; see what it would write with: d365acs "
        "consent preview\n"
    )
    assert run("replay", "create", "ingress", "--dry-run").stderr == (
        "Error: ingress is replayed table by table; name one: d365acs replay create TABLE --dry-run\n"
    )


def shown(sandbox: Sandbox) -> int:
    """Activities that were created."""
    return int(sandbox.ask("GET", "/dynamics/activities/counts")["created"])
