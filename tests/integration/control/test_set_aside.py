"""What was set aside is told: records by kind with the newest reason, whole files by name, and whether others go on."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from store.files import Content, FileVersion
from store.outcomes import Reason, Refused, Unchanged
from store.records import Change
from store.store import WorkflowStore
from sync.events.payload import unreadable_id
from sync.files.reader import whole_file
from tests.integration.control.conftest import CONNECTIONS, Run

pytestmark = pytest.mark.usefixtures("acknowledged", "answering")

DAY_S = 86_400
SFTP = """\
  sftp:
    host: sftp.test
    user: d365acs
    private_key: ${file:/nowhere}
    host_key: SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
egress: {source: files, files: {folder: logs}}
"""
SEE = "why: d365acs dlq stats egress"
WHY = "has no column externalID; name the right one in egress.files.fields.contact."


@pytest.fixture
def generation(run: Run, file: Path, egress: WorkflowStore) -> int:
    """Egress from files runs."""
    file.write_text(CONNECTIONS + SFTP)
    assert run("config", "apply", str(file)).exit_code == 0
    run("workflow", "start", "egress")
    life = egress.lifecycle.read()
    egress.lifecycle.add_streams(["events"])
    assert egress.lifecycle.run(life.generation, "start-up checks", "both systems answer")
    return life.generation


def refuse(egress: WorkflowStore, generation: int, *refused: Refused, good: int = 0) -> None:
    """A page was read, and these of it were set aside, `good` others were not."""
    queue = egress.queue("events")
    others = [Unchanged(f"good {number}", None) for number in range(good)]
    ids = [*(one.id for one in refused), *(one.id for one in others)]
    queue.put_page(generation, egress.cursor("events").number, [Change(one, 1, b"{}") for one in ids], "")
    assert not queue.settle(queue.lease(generation, 100, 60_000).number, [*refused, *others])


def unmappable(record_id: str, place: str) -> Refused:
    return Refused(record_id, Reason("unmappable", "The event has no externalID.", place=place))


def shown(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("workflow", "show", "egress", "-o", "json").stdout)
    return found


def checks(run: Run) -> dict[str, tuple[str, str]]:
    return {one["check"]: (one["colour"], one["finding"]) for one in json.loads(run("doctor", "-o", "json").stdout)}


def test_reasons_are_counted_by_kind_with_the_newest_and_its_place(
    run: Run, egress: WorkflowStore, generation: int
) -> None:
    # Given events that were set aside for two reasons
    refuse(egress, generation, unmappable("a", "clicks.txt line 2"), good=1)
    refuse(egress, generation, Refused("b", Reason("refused", "Dynamics says no.", "dynamics")), good=1)
    refuse(egress, generation, unmappable("c", "clicks.txt line 9"), good=1)
    # Then each kind is one line, with what the newest of it says
    lines = run("workflow", "show", "egress").stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("SET ASIDE"))
    found = [[cell for cell in line.split("  ") if cell] for line in lines[at + 1 : at + 3]]
    assert sorted([cell.strip() for cell in (*row[:3], *row[4:])] for row in found) == [
        ["events", "refused", "1", "b", "Dynamics says no."],
        ["events", "unmappable", "2", "clicks.txt line 9", "The event has no externalID."],
    ]
    # And programs get the same
    [unfit] = [one for one in shown(run)["causes"] if one["cause"] == "unmappable"]
    assert (unfit["count"], unfit["newest"]["id"], unfit["newest"]["place"]) == (2, "c", "clicks.txt line 9")


def test_the_others_go_on_only_where_others_do(run: Run, egress: WorkflowStore, generation: int) -> None:
    # Given a page of which nearly everything was set aside
    refuse(egress, generation, unmappable("a", ""), unmappable("b", ""), good=1)
    # Then that is what is told, and the doctor is yellow
    assert shown(run)["notes"] == [
        f"egress: 2 events were refused and set aside, most of what was read in the last hour; {SEE}"
    ]
    assert checks(run)["egress refused"] == ("yellow", "Most of what was read in the last hour was set aside: 2 of 3.")
    # When most others are well, Then they go on
    refuse(egress, generation, good=5)
    assert shown(run)["notes"] == [f"egress: 2 events were refused and set aside, and the others go on; {SEE}"]
    assert "egress refused" not in checks(run)
    # And while it is stopped, nothing goes on
    run("workflow", "stop", "egress")
    assert shown(run)["notes"] == [f"egress: 2 events were refused and set aside; {SEE}"]


def test_a_file_that_was_set_aside_is_no_event_and_is_told_by_name(
    run: Run, egress: WorkflowStore, generation: int
) -> None:
    # Given a good file, an event that was refused, and two files that were set aside as a whole
    files, now_s = egress.files("events"), egress.now_ms() // 1000
    files.remember(FileVersion("logs_1.txt", 9, now_s - 300), Content(9, "d", "b"))
    bad = [FileVersion(f"second_{number}.txt", 9, now_s - 100) for number in (1, 2)]
    for version in bad:
        files.remember(version, None, aside="settings", why=WHY)
        letter = Reason("file-set-aside", f"The file {version.name} {WHY}")
        refuse(egress, generation, Refused(unreadable_id(whole_file(version)), letter), good=3)
    refuse(egress, generation, unmappable("a", ""))
    # Then the files have a note of their own, and are red
    aside = f"2 files were set aside, the newest second_2.txt: it {WHY}"
    assert shown(run)["notes"] == [
        f"egress: {aside}",
        f"egress: 1 event was refused and set aside, and the others go on; {SEE}",
    ]
    assert checks(run)["egress files"] == ("red", aside)
    assert "\nFiles       1 read, 2 set aside; the newest is of 1 min ago" in run("workflow", "show", "egress").stdout
    # When they are looked at again under other settings, Then nobody is sent to correct them once more
    files.look(bad, egress.now_ms())
    assert shown(run)["files"]["set_aside"] == 0
    # When one is mended as it stands, and the other uploaded anew, Then nothing is told of files any more
    files.remember(bad[0], Content(9, "e", "b"))
    files.remember(FileVersion("second_2.txt", 10, now_s), Content(10, "e", "b"))
    assert shown(run)["notes"] == [f"egress: 1 event was refused and set aside, and the others go on; {SEE}"]
    colour, sentence = checks(run)["egress files"]
    assert colour == "green" and re.fullmatch(r"3 read, 0 set aside; the newest is of \d+ s ago\.", sentence)


def test_a_file_that_settles_and_one_that_has_not_come_for_long_are_told(
    run: Run, egress: WorkflowStore, generation: int
) -> None:
    # Given a file that was read three days ago, and nothing since then
    files, now_ms = egress.files("events"), egress.now_ms()
    files.remember(FileVersion("logs_1.txt", 9, now_ms // 1000 - 3 * DAY_S - 60), Content(9, "d", "b"))
    stale = (
        "No new file has come into logs for 3 d: see that the workflow of Campaign runs that exports them, and that "
        "its files fit the pattern."
    )
    assert shown(run)["notes"] == [f"egress: {stale}"]
    assert checks(run)["egress files"] == ("yellow", stale)
    # When one is there that may still grow, Then it is told when it counts as whole
    files.look([FileVersion("logs_2.txt", 9, now_ms // 1000)], now_ms - 20_000)
    found = shown(run)
    assert (found["files"]["settling"], found["notes"]) == (1, [])
    assert 30 < found["files"]["whole_in_seconds"] <= 40
    assert "1 settling (whole in 3" in run("workflow", "show", "egress").stdout
    assert checks(run)["egress files"][0] == "green"


def test_why_a_workflow_has_failed_is_told_once(run: Run, egress: WorkflowStore, generation: int) -> None:
    egress.lifecycle.fail(generation, "worker", "The folder logs is not there: create it")
    assert run("workflow", "show", "egress").stdout.count("The folder logs is not there") == 1
