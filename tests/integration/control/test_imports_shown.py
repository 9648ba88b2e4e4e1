"""What operators see of loads through Campaign's file import: before one, while it is under way, and where none is."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from store.loads import Load, LoadedRecord
from store.record_queue import Change
from store.store import WorkflowStore
from store.trouble import AWAITED
from sync.tables.position import Position
from tests.integration.control.conftest import Run
from tests.integration.store.records import entry

FACTS = {"workflow": "WKF201", "trigger": "signal", "folder": "d365_loads/imports"}
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


def test_a_file_that_is_not_in_its_place_is_told_as_given_up_once_the_workflow_is_off(
    run: Run, ingress: WorkflowStore, load: Load
) -> None:
    # Given a load whose file is not in its place, of a workflow that runs
    assert "its file is about to come into place." in notes(run)
    # When it is stopped
    stopped = run("workflow", "stop", "ingress")
    # Then it is told so at once, and from then on
    assert "A file with 1 record of contact is not in its place, and is given up at the next start." in stopped.stderr
    assert "its file is not in its place, and is given up at the next start." in notes(run)
    # And that start does it
    run("workflow", "start", "ingress")
    assert "its file is not in its place, and is given up now." in notes(run)


@pytest.mark.parametrize(
    ("noted", "said"),
    [
        (
            {"placed_ms": 1, "triggered_ms": 1},
            "Campaign goes on with an import of 1 record of contact; the next start waits for its end.\n",
        ),
        (
            {"placed_ms": 1},
            "A file with 1 record of contact is in its place; the next start tells Campaign of it, and waits for its "
            "end.\n",
        ),
        ({"placed_ms": 1, "ended_ms": 1}, ""),
    ],
)
def test_who_stops_the_workflow_is_told_what_becomes_of_an_import(
    run: Run, ingress: WorkflowStore, load: Load, noted: dict[str, Any], said: str
) -> None:
    assert ingress.loads("contact").note(load, **noted)
    stopped = run("workflow", "stop", "ingress")
    assert (stopped.exit_code, stopped.stderr) == (0, said)


def test_a_start_that_waits_for_an_import_says_so_once(run: Run, ingress: WorkflowStore, load: Load) -> None:
    # Given a start that has looked six times whether an import has ended
    run("workflow", "stop", "ingress")
    run("workflow", "start", "ingress")
    now_ms = ingress.now_ms()
    for _ in range(6):
        told = "An import of 1 records of contact in Campaign is to end first"
        ingress.troubles.note(AWAITED, told, now_ms - 17_000, now_ms)
    # Then no try of them has failed
    assert f"ingress has waited for 17 s to start: {told}." in notes(run)
    assert " tried " not in notes(run)


def test_why_no_more_loads_are_made_is_told_until_the_next_start(run: Run, ingress: WorkflowStore, load: Load) -> None:
    ingress.loads("contact").switch_off(ingress.lifecycle.read().generation, "Half of it was lost")
    assert "ingress writes contact singly until the next stop and start: Half of it was lost." in notes(run)
    run("workflow", "stop", "ingress")
    assert "singly until" not in notes(run)


def test_a_record_in_a_file_is_explained_so(run: Run, ingress: WorkflowStore, load: Load) -> None:
    assert ingress.loads("contact").note(load, placed_ms=load.committed_ms)
    put = datetime.fromtimestamp(load.committed_ms // 1000, UTC)
    [part] = json.loads(run("record", "explain", RECORD, "-o", "json").stdout)["parts"]
    # Then it is said since when, and what comes next, whatever its systems would answer
    since = f"It waits in a file that Campaign imports, since {put:%Y-%m-%d %H:%M:%S} UTC. When the import has ended"
    rest = "it is confirmed or else written singly, and newer changes follow."
    assert (part["verdict"], part["action"]) == (f"{since}, {rest}", "wait")
    # Nobody is to take it for a turn that comes: all of a file is imported together
    assert "it is in a file for Campaign's import since" in (shown := run("record", "explain", RECORD).stdout)
    assert "among" not in shown
    # And of a workflow that is off, what it takes
    run("workflow", "stop", "ingress")
    [part] = json.loads(run("record", "explain", RECORD, "-o", "json").stdout)["parts"]
    assert part["verdict"] == f"{since}, and ingress runs, {rest}"


def test_an_import_without_an_end_can_be_abandoned(run: Run, ingress: WorkflowStore, load: Load) -> None:
    # Given an import of which nobody will know the end; when somebody who has not been asked gives it up
    assert ingress.loads("contact").note(load, placed_ms=1)
    refused = run("load", "abandon", "contact")
    # Then nothing is done
    assert refused.exit_code == 2 and "--yes" in refused.stderr
    assert ingress.loads("contact").read() is not None
    # When it is meant
    done = run("load", "abandon", "contact", "--yes", "--why", "the server is gone")
    # Then its record waits again, people know which file is to be deleted, and who did it is on record
    assert done.exit_code == 0 and done.stdout == "1 record of contact waits again, to be written one by one.\n"
    assert f"Delete d365_loads/imports/{load.name}.csv and its results" in done.stderr
    assert ingress.loads("contact").read() is None
    backlog = ingress.queue("contact").backlog()
    assert (backlog.waiting, backlog.leased) == (1, 0)
    [act] = [event for event in ingress.acts.newest() if event.action == "abandon import"]
    assert (act.stream, act.why) == ("contact", "the server is gone")
    # And there is nothing more to give up
    again = run("load", "abandon", "contact", "--yes")
    assert again.exit_code == 1 and "No import of contact is under way" in again.stderr


def test_of_an_import_that_is_abandoned_before_its_file_is_in_place_the_file_is_named_that_there_is(
    run: Run, ingress: WorkflowStore, load: Load
) -> None:
    # Given an import whose file has not come to where Campaign takes it, and ingress is stopped; when it is given up
    run("workflow", "stop", "ingress")
    done = run("load", "abandon", "contact", "--yes")
    # Then it is said what may become of its records, and under which name the file lies, which goes by itself
    again = "1 record of contact waits again, to be written one by one or to travel in the next file.\n"
    assert (done.exit_code, done.stdout) == (0, again)
    assert done.stderr.startswith(f"d365_loads/imports/.{load.name}.csv.part on the SFTP server holds personal data.")
    assert "takes it away once it is an hour old" in done.stderr and "Delete" not in done.stderr


@pytest.mark.parametrize("starts", [False, True])
def test_no_import_is_abandoned_while_its_file_may_still_come_into_place(
    run: Run, ingress: WorkflowStore, load: Load, starts: bool
) -> None:
    # Given an import whose file has not come to where Campaign takes it, and a workflow that runs, or starts
    if starts:
        run("workflow", "stop", "ingress")
        run("workflow", "start", "ingress")
    # When it is given up
    refused = run("load", "abandon", "contact", "--yes")
    # Then it is said what comes first, and its records stay in it
    assert refused.exit_code == 1 and ingress.loads("contact").read() == load
    assert "its file can come into its place at any moment while ingress is on" in refused.stderr
    assert "first do: d365acs workflow stop ingress" in refused.stderr
    assert ingress.queue("contact").backlog().leased == 1


def test_no_import_is_abandoned_while_a_writer_of_the_run_that_was_stopped_is_at_it(
    run: Run, ingress: WorkflowStore, load: Load
) -> None:
    # Given a workflow that is stopped, with a writer that may be about to put a file into its place
    run("workflow", "stop", "ingress")
    with ingress.writing_right("contact", 0):
        # When the import is given up, then nothing is done
        refused = run("load", "abandon", "contact", "--yes")
        assert refused.exit_code == 1 and "Writers of contact are about to end" in refused.stderr
        assert ingress.loads("contact").read() == load and ingress.queue("contact").backlog().leased == 1
    # And once that writer has ended, it is
    assert run("load", "abandon", "contact", "--yes").exit_code == 0
    assert ingress.loads("contact").read() is None
