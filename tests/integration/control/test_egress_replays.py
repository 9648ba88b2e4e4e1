"""d365acs replay for egress: events of a window of time are read once more."""

import json
from pathlib import Path

import pytest

from store.records import Change, Lane
from store.store import WorkflowStore
from sync.events.position import Backfill, EventPosition
from tests.integration.control.conftest import BOTH, CONNECTIONS, Run

pytestmark = pytest.mark.usefixtures("acknowledged")

HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def applied(run: Run, file: Path) -> None:
    file.write_text(BOTH)
    assert run("config", "apply", str(file)).exit_code == 0


def test_a_window_is_pending_and_shown_and_asking_twice_is_harmless(run: Run, egress: WorkflowStore) -> None:
    # When it is asked for twice
    window = ("--since", "2026-11-20", "--until", "2026-11-21T12:00Z")
    first = run("replay", "create", "egress", *window, "--why", "the workspace was down")
    second = run("replay", "create", "egress", *window)
    # Then it is pending once, and the way to begin it is told
    told = "since 2026-11-20 00:00 UTC until 2026-11-21 12:00 UTC"
    begin = "begin it with: d365acs workflow start egress"
    assert first.stderr.splitlines()[0] == f"The replay of egress ({told}) is pending; {begin}"
    assert second.stderr.splitlines()[0] == f"The replay of egress ({told}) is pending already; {begin}"
    replay = egress.replays.all()["events"]
    assert (replay.since_ms, replay.until_ms, replay.by) == (1_795_132_800_000, 1_795_262_400_000, "ann")
    # And list and note show the window
    [listed] = json.loads(run("replay", "ls", "-o", "json").stdout)
    assert [listed[what] for what in ("workflow", "table", "state", "since", "until", "why")] == [
        *("egress", None, "pending", "2026-11-20T00:00:00Z", "2026-11-21T12:00:00Z", "the workspace was down")
    ]
    assert told in run("replay", "ls").stdout
    note = f"egress: a replay of events {told} is pending; it begins with the next start."
    assert note in run("workflow", "ls").stdout
    # When another window is asked for, Then the first one stands, and the way out is told
    other = run("replay", "create", "egress", "--since", "2026-11-19")
    assert (other.exit_code, other.stderr) == (
        1,
        f"Error: A replay of egress is pending already, for events {told}, and there is one at a time; take it back "
        "first: d365acs replay cancel egress\n",
    )
    # And it can be taken back
    assert run("replay", "cancel", "egress").stderr == "The replay of egress is taken back.\n"
    assert egress.replays.all() == {}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--since", "2d", "--until", "3d"), "Nothing lies between --since, "),
        (("--since", "2026-11-20", "--until", "2026-11-20"), "Nothing lies between --since, 2026-11-20 00:00 UTC, and"),
        (("--since", "2990-01-01"), "--since is 2990-01-01 00:00 UTC, which is still to come;"),
    ],
)
def test_a_window_that_cannot_be_is_refused(
    run: Run, egress: WorkflowStore, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run("replay", "create", "egress", *arguments)
    assert (result.exit_code, result.stderr.startswith(f"Error: {sentence}")) == (1, True)
    assert egress.replays.all() == {}


def test_what_is_no_time_is_wrong_usage(run: Run) -> None:
    result = run("replay", "create", "egress", "--since", "yesterday")
    assert result.exit_code == 2
    assert result.stderr.endswith(
        "Error: Invalid value for --since: yesterday is no time; write 2026-11-20, 2026-11-21T12:00Z, or 2d for two "
        "days ago.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "warning"),
    [
        (("--since", "6d"), ""),
        ((), ""),
        (("--since", "7d"), ""),
        (("--since", "8d"), "The journal keeps events for 7 days: those before "),
        (("--since", "9d", "--until", "8d"), "The journal keeps events for 7 days: nothing of this window is left"),
    ],
)
def test_what_the_journal_no_longer_has_is_warned_about(run: Run, arguments: tuple[str, ...], warning: str) -> None:
    result = run("replay", "create", "egress", *arguments)
    assert result.exit_code == 0
    warnings = result.stderr.splitlines()[1:]
    assert [line[: len(warning)] for line in warnings] == ([warning] if warning else [])


@pytest.mark.parametrize(
    ("afterwards", "warnings"),
    [
        ("keep", []),
        ("archive, archive_folder: old", []),
        ("delete", ["Files that were deleted after reading are not there any more: their events are not read again."]),
    ],
)
def test_only_of_files_that_were_deleted_it_is_said_that_they_are_gone(
    run: Run, file: Path, afterwards: str, warnings: list[str]
) -> None:
    # Given egress from files, and what becomes of them once they are read
    sftp = "  sftp: {host: sftp.test, user: u, private_key: '${file:/k}', host_key: 'SHA256:" + "A" * 43 + "'}\n"
    files = f"egress: {{source: files, files: {{folder: logs, afterwards: {afterwards}}}}}\n"
    file.write_text(CONNECTIONS + sftp + files)
    assert run("config", "apply", str(file)).exit_code == 0
    # When an old window is asked for, Then files of the archive are read, and nothing is said of a journal
    assert run("replay", "create", "egress", "--since", "30d").stderr.splitlines()[1:] == warnings
    # And that it cannot be rehearsed is said with the reason and the way out
    rehearsed = run("replay", "create", "egress", "--since", "30d", "--dry-run", "-o", "json")
    assert (rehearsed.exit_code, rehearsed.stdout, rehearsed.stderr) == (
        1,
        "",
        "Error: egress reads files, and reading puts them away: a replay of it cannot be rehearsed; what Dynamics "
        "shows already is not shown twice, so begin with a small window: d365acs replay create egress --since TIME "
        "--until TIME\n",
    )


def test_ingress_is_replayed_table_by_table_and_events_by_time_alone(run: Run, egress: WorkflowStore) -> None:
    assert run("replay", "create", "ingress").stderr == (
        "Error: ingress is replayed table by table; name one: d365acs replay create TABLE\n"
    )
    assert run("replay", "create", "egress", "--where", "type equals 1").stderr == (
        "Error: egress is replayed by time; leave --where and --ids out.\n"
    )
    assert egress.replays.all() == {}


@pytest.mark.parametrize("workflow", ["egress"])
def test_a_replay_of_events_begins_at_once_if_asked_to_and_is_paused_and_goes_on(
    run: Run, egress: WorkflowStore, workflow: str
) -> None:
    # Given that egress does not run, Then it is pending all the same
    assert "is pending; begin it with" in run("replay", "create", workflow, "--since", "1d", "--now").stderr
    run("replay", "cancel", workflow)
    # When it runs, Then it begins
    run("workflow", "start", workflow)
    egress.lifecycle.run(egress.lifecycle.read().generation, "start-up checks", "both systems answer")
    asked = run("replay", "create", workflow, "--since", "2026-11-20", "--rate", "5", "--now")
    assert asked.stderr.splitlines()[0] == (
        "The replay of egress (since 2026-11-20 00:00 UTC, at most 5 a second) begins now."
    )
    began = egress.replays.began("events")
    assert began is not None and (began.rate, began.goes_on) == (5.0, True)
    # When it is paused and resumed, each once
    assert run("replay", "pause", workflow, "--why", "busy").stderr == (
        "The replay of egress is paused; let it go on with: d365acs replay resume egress\n"
    )
    assert json.loads(run("replay", "ls", "-o", "json").stdout)[0]["state"] == "paused"
    assert run("replay", "pause", workflow).stderr == (
        "Error: The replay of egress is paused already; let it go on with: d365acs replay resume egress\n"
    )
    assert run("replay", "resume", workflow).stderr == "The replay of egress goes on: reading.\n"
    assert run("replay", "resume", workflow).stderr == (
        "Error: The replay of egress is not paused; see how far it has come with: d365acs replay ls\n"
    )
    # Then all of it is in the history
    acts = [(event.action, event.by, event.why) for event in egress.acts.newest(4)]
    assert acts == [
        ("replay resume", "ann", ""), ("replay pause", "ann", "busy"), ("replay now", "ann", ""),
        ("replay ask", "ann", ""),
    ]  # fmt: skip


def test_a_replay_is_shown_until_all_is_read_and_handed_to_writers(run: Run, egress: WorkflowStore) -> None:
    # Given events that were read, and a replay of all of them that has begun; and one of a table
    run("replay", "create", "contact")
    run("replay", "create", "egress")
    run("workflow", "start", "egress")
    generation = egress.lifecycle.read().generation
    assert egress.lifecycle.run(generation, "start-up checks", "both systems answer")
    queue = egress.queue("events")
    queue.put_page(generation, 0, [], EventPosition("here", "p").dump())
    began_ms = egress.now_ms()
    egress.replays.begin(began_ms)

    def listed() -> tuple[str, int | None, int]:
        table, events = json.loads(run("replay", "ls", "-o", "json").stdout)
        assert (table["table"], table["state"]) == ("contact", "pending")
        return events["state"], events["read"], events["waiting"]

    # Then it reads, from the moment at which it is taken up on
    assert listed() == ("reading", None, 0)
    position = EventPosition("here", "p", replayed_ms=began_ms, backfill=Backfill("q", None, None, events=500))
    queue.put_page(generation, 1, [Change("a", 1, b"{}")], position.dump(), lane=Lane.REPLAY)
    assert listed() == ("reading", 500, 1)
    assert "reading, 500 so far" in run("replay", "ls").stdout
    # When the last page has come, then what waits is to be written
    position = EventPosition("here", "p", replayed_ms=began_ms)
    queue.put_page(generation, 2, [Change("b", 1, b"{}")], position.dump(), lane=Lane.REPLAY)
    assert listed() == ("writing", None, 2)
    assert run("replay", "cancel", "egress").stderr == (
        "Error: No replay of egress is pending or being read; see how far the last one came with: d365acs replay ls\n"
    )
    # When writers have taken all, then it is done
    queue.lease(generation, 10, 60_000)
    assert listed() == ("done", None, 0)


@pytest.fixture
def being_read(run: Run, egress: WorkflowStore, acknowledged: None) -> None:
    """Egress runs, and one page of a replay was read."""
    run("replay", "create", "egress", "--since", "2026-11-20")
    run("workflow", "start", "egress")
    generation = egress.lifecycle.read().generation
    assert egress.lifecycle.run(generation, "start-up checks", "both systems answer")
    began_ms = egress.now_ms()
    egress.replays.begin(began_ms)
    position = EventPosition("here", "p", replayed_ms=began_ms, backfill=Backfill("q", 1_795_132_800_000, None, 1))
    egress.queue("events").put_page(generation, 0, [], position.dump())


@pytest.mark.parametrize("runs", [True, False])
@pytest.mark.usefixtures("being_read")
def test_a_replay_of_events_that_is_being_read_can_be_ended(run: Run, egress: WorkflowStore, runs: bool) -> None:
    if not runs:
        run("workflow", "stop", "egress")
    # When it is ended
    ended = run("replay", "cancel", "egress", "--why", "too much")
    # Then it is said when it ends and what becomes of it, and the list and the reader know
    when = "ends now" if runs else "ends with the next start of egress"
    told = f"The replay of egress {when}: what was read of it is written, the rest is not read.\n"
    assert (ended.exit_code, ended.stderr) == (0, told)
    assert json.loads(run("replay", "ls", "-o", "json").stdout)[0]["state"] == "ended"
    began = egress.replays.began("events")
    assert began is not None and began.ended_ms is not None
    # And it is ended once, and nothing of it is left for the next one
    again = run("replay", "cancel", "egress")
    assert (again.exit_code, again.stderr[:48]) == (1, "Error: No replay of egress is pending or being r")
    assert len(run("replay", "create", "egress").stderr.splitlines()) == 1


@pytest.mark.usefixtures("being_read")
def test_who_asks_for_a_replay_while_one_is_being_read_is_told_that_they_become_one(run: Run) -> None:
    [_, warning] = run("replay", "create", "egress", "--since", "1d").stderr.splitlines()
    assert warning == (
        "A replay is still being read, of events since 2026-11-20 00:00 UTC: this one takes it in, and reading begins "
        "anew with a window that covers both."
    )
    # And what is pending is taken back first, what is being read by the next command
    assert run("replay", "cancel", "egress").stderr == "The replay of egress is taken back.\n"
    assert run("replay", "cancel", "egress").stderr.startswith("The replay of egress ends now: ")


def test_who_changes_the_source_is_told_that_events_appear_twice(run: Run, egress: WorkflowStore, file: Path) -> None:
    sftp = "  sftp: {host: sftp.test, user: u, private_key: '${file:/k}', host_key: 'SHA256:" + "A" * 43 + "'}\n"
    files, journal = CONNECTIONS + sftp + "egress: {source: files}\n", file.read_text()
    to_files = (
        "The next start of egress reads files in place of the journal: events that were read from the journal appear "
        "again when files hold them, under other ids.\n"
    )
    to_journal = (
        "The next start of egress reads the journal in place of files: events of the last day that were read from "
        "files appear again when the journal has them, under other ids.\n"
    )
    # Given that nothing was read yet, Then nothing can appear twice
    file.write_text(files)
    assert "under other ids" not in run("config", "diff", str(file)).stderr
    # Given that events of the journal were read
    run("workflow", "start", "egress")
    generation = egress.lifecycle.read().generation
    assert egress.lifecycle.run(generation, "start-up checks", "both systems answer")
    egress.queue("events").put_page(generation, 0, [], EventPosition("here", "p").dump())
    # When another source is compared, saved, and taken back, Then it is said
    assert to_files in run("config", "diff", str(file)).stderr
    assert to_files in run("config", "diff", str(file), "-o", "json").stderr
    assert to_files in run("config", "apply", str(file)).stderr
    assert to_files in run("config", "diff").stderr
    assert to_journal in run("config", "rollback", "egress", "1").stderr
    # And saying the same again is no change
    file.write_text(journal)
    assert "under other ids" not in run("config", "apply", str(file)).stderr


def test_a_replay_that_is_read_is_listed_beside_one_that_is_pending(run: Run, egress: WorkflowStore) -> None:
    # Given a replay of two days that is being read, and another one that was asked for meanwhile
    run("replay", "create", "egress", "--since", "2d")
    run("workflow", "start", "egress")
    generation = egress.lifecycle.read().generation
    egress.replays.begin(egress.now_ms())
    egress.lifecycle.run(generation, "start-up checks", "both systems answer")
    began = egress.replays.all()["events"]
    assert began.began_ms is not None
    position = EventPosition("here", replayed_ms=began.began_ms, backfill=Backfill("q", began.since_ms, None, events=9))
    egress.queue("events").put_page(generation, 0, [Change("a", 1, b"{}")], position.dump(), Lane.REPLAY)
    run("replay", "create", "egress", "--since", "1d")
    # Then both are listed
    listed = json.loads(run("replay", "ls", "-o", "json").stdout)
    assert [one["state"] for one in listed] == ["reading", "pending"]
    # When both are over, Then the one that had begun is still listed
    run("replay", "cancel", "egress")
    run("replay", "cancel", "egress")
    assert [one["state"] for one in json.loads(run("replay", "ls", "-o", "json").stdout)] == ["ended"]


def test_after_the_only_request_was_taken_back_nobody_is_told_that_none_was_ever_made(run: Run) -> None:
    run("replay", "create", "egress")
    run("replay", "cancel", "egress")
    assert run("replay", "ls").stderr.startswith("No replay is pending, and none has begun; ask for one with: ")
