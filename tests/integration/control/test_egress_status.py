"""What an operator is told of egress: how far events have been read, who waits for a contact, what was missed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from store.outcomes import Parent, Parked
from store.records import Change
from store.store import WorkflowStore
from sync.events.position import Backfill, EventPosition, Missed
from tests.integration.control.conftest import BOTH, Run

pytestmark = pytest.mark.usefixtures("acknowledged", "answering")

DAY_MS = 86_400_000


@pytest.fixture
def generation(run: Run, file: Path, egress: WorkflowStore) -> int:
    """Egress runs, with what its start has learnt."""
    file.write_text(BOTH)
    run("config", "apply", str(file))
    run("workflow", "start", "egress")
    life = egress.lifecycle.read()
    egress.keep_schemas(life.generation, b'{"send":["adobe_emailsends","regardingobjectid_contact",{}]}')
    egress.lifecycle.add_streams(["events"])
    assert egress.lifecycle.run(life.generation, "start-up checks", "both systems answer")
    return life.generation


def read(egress: WorkflowStore, generation: int, position: EventPosition, *ids: str) -> None:
    """A page of events was read, up to this position."""
    queue = egress.queue("events")
    queue.put_page(generation, egress.cursor("events").number, [Change(one, 1, b"{}") for one in ids], position.dump())


def shown(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("workflow", "show", "egress", "-o", "json").stdout)
    return found


def row(run: Run) -> dict[str, str]:
    """The line of the stream, by column."""
    lines = [re.split(r"\s{2,}", line) for line in run("workflow", "show", "egress").stdout.splitlines()]
    [header] = [line for line in lines if line[0] == "STREAM"]
    [found] = [line for line in lines if line[0] == "events"]
    return dict(zip(header, found, strict=True))


def test_a_stream_of_events_has_no_change_token_and_makes_no_engine_calls(
    run: Run, egress: WorkflowStore, generation: int
) -> None:
    assert row(run)["READS"] == "nothing yet"
    # When a page was read
    read(egress, generation, EventPosition("here", "p"), "a", "b")
    # Then it is told when, and nothing of tokens and engine calls
    found = row(run)
    assert (found["BACKLOG"], found["READS"], "TOKEN" in found) == ("2", "changes", False)
    assert found["LAST READ"].endswith(" s ago")
    assert "Engine calls" not in run("workflow", "show", "egress").stdout
    data = shown(run)
    assert (data["engine_calls"], data["streams"][0]["token_age_seconds"], data["notes"]) == (None, None, [])
    assert data["streams"][0]["last_read"] is not None
    # And the same in the list, beside the others
    listed = [line.split()[0] for line in run("workflow", "ls").stdout.splitlines()]
    assert listed == ["WORKFLOW", "ingress", "egress", "optinout"]


@pytest.mark.parametrize(
    ("count", "note"),
    [
        (1, "egress: 1 event waits for a contact that Dynamics does not have (parked); why: "),
        (2, "egress: 2 events wait for a contact that Dynamics does not have (parked); why: "),
    ],
)
def test_parked_events_wait_for_a_contact(
    run: Run, egress: WorkflowStore, generation: int, count: int, note: str
) -> None:
    # Given events whose contact Dynamics does not have
    ids = [f"event {number}" for number in range(count)]
    read(egress, generation, EventPosition("here", "p"), *ids)
    batch = egress.queue("events").lease(generation, 10, 60_000)
    egress.queue("events").settle(batch.number, [Parked(one, Parent("contact", "c")) for one in ids])
    # Then note and column say what they wait for
    assert shown(run)["notes"] == [f"{note}d365acs record explain 'event 0'"]
    assert row(run)["NO CONTACT"] == str(count)
    # And a stop keeps them
    word = "event" if count == 1 else "events"
    stopped = run("workflow", "stop", "egress")
    assert stopped.stdout == f"egress: RUNNING -> STOPPED, {count} {word} kept on the queue.\n"


@pytest.mark.parametrize(("days", "told"), [(6.9, True), (7.1, False)])
def test_missed_events_are_told_for_seven_days_over_stops_and_starts(
    run: Run, egress: WorkflowStore, generation: int, days: float, told: bool
) -> None:
    # Given a reader that has missed events, and has read others since then
    missed = Missed(egress.now_ms() - int(days * DAY_MS), "Those of one day are missed.")
    read(egress, generation, EventPosition("here", "p", missed=missed), "a")
    # When egress is stopped and started
    run("workflow", "restart", "egress")
    # Then people are told for seven days, and programs can see it afterwards, too
    notes = [note for note in shown(run)["notes"] if "missed" in note]
    note = "egress: events were missed, as was noticed 6 d 21 h ago: Those of one day are missed."
    assert notes == ([note] if told else [])
    assert shown(run)["streams"][0]["missed"]["sentence"] == "Those of one day are missed."


def test_a_replay_is_shown_with_its_window_and_what_was_read(run: Run, egress: WorkflowStore, generation: int) -> None:
    backfill = Backfill("q", since_ms=1_795_000_000_000, until_ms=None, events=1234)
    read(egress, generation, EventPosition("here", "p", backfill=backfill), "a")
    assert row(run)["READS"] == "a replay"
    [stream] = shown(run)["streams"]
    assert stream["backfill"] == {"since": "2026-11-18T11:06:40Z", "until": None, "events": 1234}
    assert stream["progress"]["read"] == 1234
    assert "1,234 done" in run("workflow", "watch", "egress", "--count", "1").stdout


def test_a_held_stream_names_the_way_out_that_egress_has(run: Run, egress: WorkflowStore, generation: int) -> None:
    egress.holds.hold("events", generation, "adobe_emailsend has no column adobe_senton")
    assert shown(run)["notes"][0] == (
        "egress holds events, its events wait and none is lost: adobe_emailsend has no column adobe_senton: "
        "d365acs workflow edit egress; d365acs workflow restart egress"
    )
    remedies = {one["check"]: one["remedy"] for one in json.loads(run("doctor", "-o", "json").stdout)}
    assert remedies["egress events"].startswith("Fix it with: d365acs workflow edit egress;")


def test_a_journal_that_was_not_read_for_long_is_warned_about(
    run: Run, egress: WorkflowStore, generation: int, file: Path
) -> None:
    # Given events that were last read six days ago, in a journal that keeps them for seven
    read(egress, generation, EventPosition("here", "p"), "a")
    at_ms = egress.now_ms() - 6 * DAY_MS
    egress.queue("events").put_page(generation, 1, [], EventPosition("here", "q").dump(), now_ms=at_ms)
    # Then both faces say so
    [note] = shown(run)["notes"]
    assert note.startswith("egress: Events were last read 6 d ago, and the journal keeps them for 7 days: within ")
    checks = {one["check"]: one["colour"] for one in json.loads(run("doctor", "-o", "json").stdout)}
    assert checks["egress reading"] == "yellow"
