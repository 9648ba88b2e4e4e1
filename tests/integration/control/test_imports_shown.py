"""What operators see of loads through Campaign's file import: before one, while it is under way, and where none is."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from store.loads import Load, LoadedRecord
from store.record_queue import Change
from store.store import WorkflowStore
from sync.tables.position import Position
from tests.integration.control.conftest import Run
from tests.integration.store.records import entry

FACTS = {"workflow": "WKF201", "folder": "d365_loads/imports"}
RECORD = "00aa00aa-bb11-cc22-dd33-44ee44ee44ee"


@pytest.fixture
def load(run: Run, file: Path, ingress: WorkflowStore, acknowledged: None, answering: None) -> Load:
    """Of one contact, committed a moment ago."""
    run("config", "apply", str(file))
    run("workflow", "start", "ingress")
    generation = ingress.lifecycle.read().generation
    assert ingress.lifecycle.run(generation, "start-up checks", "both systems answer")
    ingress.lifecycle.add_streams(["contact"])
    queue, loads = ingress.queue("contact"), ingress.loads("contact")
    queue.put_page(generation, 0, [Change(RECORD, 2, b"{}")], Position().dump())
    batch = queue.lease(generation, 1, 60_000)
    [one] = batch.records
    loads.draft("profile_1", batch.number, [LoadedRecord(RECORD, entry(2), one.queued_ms, one.lane, False)])
    assert loads.commit(generation, "profile_1", {batch.number: 1}, FACTS)
    found = loads.read()
    assert found is not None
    return found


def notes(run: Run) -> str:
    return " ".join(json.loads(run("workflow", "show", "ingress", "-o", "json").stdout)["notes"])


@pytest.mark.parametrize(
    ("noted", "said"),
    [
        ({}, "its file is about to come into place."),
        ({"placed_ms": 1}, "the file is in its place, and the workflow WKF201 is to take it."),
        ({"placed_ms": 1, "retry_ms": 2**52}, "the workflow WKF201 can be told of the file in "),
        ({"triggered_ms": 1}, "and has not taken the file yet."),
        ({"triggered_ms": 1, "taken_ms": 1}, "the workflow WKF201 has taken the file."),
        ({"seen": "1:2 -"}, "its results are there, and are read when they change no more."),
        ({"ended_ms": 1}, "its records are settled, and its files are taken away."),
    ],
)
def test_an_import_that_is_under_way_is_told_with_what_it_waits_for(
    run: Run, ingress: WorkflowStore, load: Load, noted: dict[str, Any], said: str
) -> None:
    assert not noted or ingress.loads("contact").note(load, **noted)
    told = notes(run)
    assert "ingress: an import of 1 record of contact by Campaign is under way, begun " in told
    assert said in told
    # And it is told while the workflow is stopped, too, since Campaign goes on
    run("workflow", "stop", "ingress")
    assert said in notes(run)
    stream = json.loads(run("workflow", "show", "ingress", "-o", "json").stdout)["streams"][0]
    assert (stream["import"]["file"], stream["import"]["records"]) == ("profile_1.csv", 1)


def test_why_no_more_loads_are_made_is_told_until_the_next_start(run: Run, ingress: WorkflowStore, load: Load) -> None:
    ingress.loads("contact").switch_off(ingress.lifecycle.read().generation, "Half of it was lost")
    assert "ingress writes contact singly until the next stop and start: Half of it was lost." in notes(run)
    run("workflow", "stop", "ingress")
    assert "singly until" not in notes(run)


def test_a_record_in_a_file_is_explained_so(run: Run, load: Load) -> None:
    put = datetime.fromtimestamp(load.committed_ms // 1000, UTC)
    [part] = json.loads(run("record", "explain", RECORD, "-o", "json").stdout)["parts"]
    # Then it is said since when, and what comes next, whatever its systems would answer
    since = f"It waits in a file that Campaign imports, since {put:%Y-%m-%d %H:%M:%S} UTC. When the import has ended"
    rest = "it is confirmed or else written singly, and newer changes follow."
    assert (part["verdict"], part["action"]) == (f"{since}, {rest}", "wait")
    # And of a workflow that is off, what it takes
    run("workflow", "stop", "ingress")
    [part] = json.loads(run("record", "explain", RECORD, "-o", "json").stdout)["parts"]
    assert part["verdict"] == f"{since}, and ingress runs, {rest}"


def test_an_import_without_an_end_can_be_abandoned(run: Run, ingress: WorkflowStore, load: Load) -> None:
    # Given an import of which nobody will know the end; when somebody who has not been asked gives it up
    refused = run("load", "abandon", "contact")
    # Then nothing is done
    assert refused.exit_code == 2 and "--yes" in refused.stderr
    assert ingress.loads("contact").read() is not None
    # When it is meant
    done = run("load", "abandon", "contact", "--yes", "--why", "the server is gone")
    # Then its record waits again, people know which file is to be deleted, and who did it is on record
    assert done.exit_code == 0 and "1 record of contact wait again" in " ".join(done.stdout.split())
    assert f"d365_loads/imports/{load.name}.csv" in " ".join(done.stderr.split())
    assert ingress.loads("contact").read() is None
    backlog = ingress.queue("contact").backlog()
    assert (backlog.waiting, backlog.leased) == (1, 0)
    [act] = [event for event in ingress.acts.newest() if event.action == "abandon import"]
    assert (act.stream, act.why) == ("contact", "the server is gone")
    # And there is nothing more to give up
    again = run("load", "abandon", "contact", "--yes")
    assert again.exit_code == 1 and "No import of contact is under way" in again.stderr
