"""d365acs replay: a request that waits, shown, for the next stop and start."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from store.records import Change, Lane
from store.store import WorkflowStore
from sync import schemas
from sync.mapping.shapes import ColumnShape
from sync.schemas import Schemas, TableSchema
from sync.tables.position import Phase, Position
from sync.tables.walk import Walk
from tests.integration.control.conftest import Run

pytestmark = pytest.mark.usefixtures("acknowledged")


@pytest.fixture(autouse=True)
def applied(run: Run, file: Path) -> None:
    run("config", "apply", str(file))


def test_a_replay_is_pending_and_shown_and_asking_twice_is_harmless(run: Run) -> None:
    # When it is asked for twice while the workflow runs
    run("workflow", "start", "ingress")
    first = run("replay", "create", "contact", "--why", "restored")
    second = run("replay", "create", "contact", D365ACS_ACTOR="bob")
    # Then it is pending once, and the way to begin it is told
    restart = "begin it with: d365acs workflow restart ingress\n"
    assert first.stderr == f"The replay of contact is pending; {restart}"
    assert second.stderr == f"The replay of contact is pending already; {restart}"
    [listed] = json.loads(run("replay", "ls", "-o", "json").stdout)
    told = [listed[what] for what in ("table", "state", "began", "by", "why")]
    assert told == ["contact", "pending", None, "ann", "restored"]
    # And the workflow shows it
    note = "ingress: a replay of contact is pending; it begins with the next stop and start."
    assert note in run("workflow", "ls").stdout
    assert "nothing yet, replay pending" in run("workflow", "show", "ingress").stdout
    assert json.loads(run("workflow", "ls", "-o", "json").stdout)[0]["pending_replays"] == ["contact"]


def test_a_pending_replay_can_be_taken_back_and_one_that_began_is_ended(run: Run, ingress: WorkflowStore) -> None:
    run("replay", "create", "contact")
    assert run("replay", "cancel", "contact", "--why", "mistake").stderr == "The replay of contact is taken back.\n"
    assert run("replay", "cancel", "contact").stderr == (
        "Error: No replay of contact is pending; see those that are with: d365acs replay ls\n"
    )
    # When one has begun
    run("replay", "create", "contact")
    ingress.replays.begin(ingress.now_ms())
    # Then it is shown so, and ended once
    assert run("replay", "ls").stdout.splitlines()[1].split()[:2] == ["contact", "reading"]
    assert run("replay", "cancel", "contact").stderr == (
        "The replay of contact ends with the next start of ingress: what was read of it is written, the rest is not "
        "read.\n"
    )
    assert run("replay", "cancel", "contact").stderr == (
        "Error: No replay of contact is pending or being read; see how far the last one came with: d365acs replay ls\n"
    )
    assert json.loads(run("replay", "show", "contact", "-o", "json").stdout)[0]["state"] == "ended"
    # And who asked and who took back is on record
    actions = [(event.action, event.by) for event in ingress.acts.newest()]
    assert len({action for action, by in actions if by == "ann"}) >= 3


def test_a_replay_is_shown_until_all_is_read_and_handed_to_writers(run: Run, ingress: WorkflowStore) -> None:
    # Given a table that has been read to its end, and a replay of it that has begun
    run("replay", "create", "contact")
    run("workflow", "start", "ingress", "--accept-privacy")
    generation = ingress.lifecycle.read().generation
    assert ingress.lifecycle.run(generation, "start-up checks", "both systems answer")
    ingress.queue("contact").put_page(generation, 0, [], Position(phase=Phase.CHANGES, link="x").dump())
    began_ms = ingress.now_ms()
    ingress.replays.begin(began_ms)
    queue = ingress.queue("contact")

    def listed() -> tuple[str, int]:
        [one] = json.loads(run("replay", "ls", "-o", "json").stdout)
        return one["state"], one["waiting"]

    assert listed() == ("reading", 0)
    # When its pages come, then it is reading
    walk = Walk(began_ms, True, link="w", rows=40, queued=40, expected=100)
    position = Position(phase=Phase.CHANGES, link="x", replayed_ms=began_ms, walk=walk)
    queue.put_page(generation, 1, [Change("a", 1, b"{}")], position.dump(), lane=Lane.REPLAY)
    assert listed() == ("reading", 1)
    assert "reading, 40 of 100" in run("replay", "ls").stdout
    # When the last page has come, then what waits is to be written
    position = replace(position, walk=replace(walk, is_over=True))
    queue.put_page(generation, 2, [Change("b", 2, b"{}")], position.dump(), lane=Lane.REPLAY)
    assert listed() == ("writing", 2)
    assert "writing, 2 to go" in run("replay", "ls").stdout
    # When writers have taken all, then it is done
    queue.lease(generation, 10, 60_000)
    assert listed() == ("done", 0)


@pytest.fixture
def running(run: Run, ingress: WorkflowStore, applied: None, acknowledged: None) -> int:
    """Ingress runs, has learnt the columns of contact, and reads its changes."""
    run("workflow", "start", "ingress")
    generation = ingress.lifecycle.read().generation
    columns = {
        "contactid": ColumnShape("Uniqueidentifier"),
        "firstname": ColumnShape("String", 50),
        "statecode": ColumnShape("State", options={0: "Active", 1: "Inactive"}),
        "modifiedon": ColumnShape("DateTime"),
    }
    known = Schemas({"contact": TableSchema("contacts", "contactid", columns, {})})
    ingress.keep_schemas(generation, schemas.dump(known))
    assert ingress.lifecycle.run(generation, "start-up checks", "both systems answer")
    ingress.queue("contact").put_page(generation, 0, [], Position(phase=Phase.CHANGES, link="x").dump())
    return generation


ID = "5d6c7f1e-0f0b-4b0e-9a58-00000000000{}"


def test_a_part_of_a_table_is_replayed_at_once_and_shown_with_all_that_confines_it(
    run: Run, ingress: WorkflowStore, running: int
) -> None:
    # When those of a window are asked for that fit conditions, so many a second
    confined = ("--since", "2026-11-20", "--where", "statecode one_of 0,1", "--where", "firstname begins_with A")
    asked = run("replay", "create", "contact", *confined, "--rate", "2.5")
    # Then it begins at once
    words = "since 2026-11-20 00:00 UTC, statecode one_of 0,1 and firstname begins_with A, at most 2.5 a second"
    assert asked.stderr == f"The replay of contact ({words}) begins now.\n"
    began = ingress.replays.began("contact")
    assert began is not None and began.began_ms is not None
    # And it is shown, with how far it has come
    walk = Walk(began.began_ms, False, link="w", rows=1200, queued=30)
    position = Position(phase=Phase.CHANGES, link="x", replayed_ms=began.began_ms, walk=walk)
    ingress.queue("contact").put_page(running, 1, [Change("a", 1, b"{}")], position.dump(), lane=Lane.REPLAY)
    shown = run("replay", "show", "contact").stdout
    told = dict(line.split(maxsplit=1) for line in shown.splitlines())
    assert (told["Replay"], told["State"], told["Of"]) == ("contact (ingress)", "reading, 1,200 so far", words)
    assert (told["To"], told["Written"]) == ("be written  30 of 1,200 read", "1 to go, 0 a second")
    [found] = json.loads(run("replay", "show", "contact", "-o", "json").stdout)
    assert (found["where"], found["rate"], found["read"], found["queued"]) == (
        ["statecode one_of 0,1", "firstname begins_with A"], 2.5, 1200, 30,
    )  # fmt: skip
    # And while it is being read, another part is refused, and everything is not
    assert run("replay", "create", "contact", "--since", "1d").stderr == (
        "Error: A replay of contact is being read, and there is one at a time; wait for its end, or end it first: "
        "d365acs replay cancel contact\n"
    )
    assert run("replay", "create", "contact", "--now").stderr.splitlines() == [
        "The replay of contact begins now.",
        "A replay is still being read: this one takes its place, and reading begins anew.",
    ]


def test_records_are_named_in_a_file_each_once_and_kept_until_they_are_read(
    run: Run, ingress: WorkflowStore, running: int, tmp_path: Path
) -> None:
    named = tmp_path / "ids.txt"
    named.write_text(f"{ID.format(1)}\n\n{{{ID.format(2).upper()}}}\n{ID.format(1)}\n")
    asked = run("replay", "create", "contact", "--ids", str(named))
    assert asked.stderr == "The replay of contact (2 ids) begins now.\n"
    began = ingress.replays.began("contact")
    assert began is not None and began.ids is not None
    ids = ingress.replays.ids_of("contact", began.ids.token)
    assert ids.parts(0, 5) == [[ID.format(1), ID.format(2)]]
    # And when it is ended, nothing is kept of them
    run("replay", "cancel", "contact")
    assert ids.parts(0, 5) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--where", "nosuch equals 1"), "--where: the table has no column nosuch."),
        (
            ("--where", "statecode looks_like 1"),
            "--where: statecode, of type State, must be followed by a comparison, one of",
        ),
        (("--where", "statecode equals Active"), "--where: statecode equals: the value Active is a display label"),
        (
            ("--where", "firstname less_than 3"),
            "--where: firstname, of type String, must be followed by a comparison, one of",
        ),
        (("--where", "statecode equals"), "--where: statecode equals: the value is missing: equals takes one value."),
        (("--since", "2d", "--until", "3d"), "Nothing lies between --since, "),
        (("--ids", "IDS", "--since", "2d"), "--ids names the records one by one; leave --since, --until and --where"),
        (("--ids", "IDS"), "--ids: line 2 holds no id of a record; give one id on each line."),
        (("--ids", "EMPTY"), "--ids names no record: give one id on each line."),
    ],
)
def test_what_cannot_be_replayed_is_refused_and_leaves_nothing_behind(
    run: Run, ingress: WorkflowStore, running: int, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    (tmp_path / "IDS").write_text(f"{ID.format(1)}\nann\n")
    (tmp_path / "EMPTY").write_text("\n")
    paths = {"IDS": str(tmp_path / "IDS"), "EMPTY": str(tmp_path / "EMPTY")}
    result = run("replay", "create", "contact", *(paths.get(one, one) for one in arguments))
    assert (result.exit_code, result.stderr[: 7 + len(sentence)]) == (1, f"Error: {sentence}")
    assert ingress.replays.all() == {}
    assert not [key for key in ingress._redis.scan_iter("*replay-ids*")]


def test_a_table_whose_columns_nobody_knows_yet_is_replayed_whole(run: Run) -> None:
    assert run("replay", "create", "contact", "--since", "2d").stderr == (
        "Error: The columns of contact are not known before ingress has run with it; start it first: "
        "d365acs workflow start ingress\n"
    )


def test_a_replay_is_paused_and_goes_on_and_history_tells(run: Run, ingress: WorkflowStore, running: int) -> None:
    assert run("replay", "pause", "contact").stderr == (
        "Error: No replay of contact is pending; see those that are with: d365acs replay ls\n"
    )
    run("replay", "create", "contact", "--now")
    assert run("replay", "pause", "contact", "--why", "busy").stderr == (
        "The replay of contact is paused; let it go on with: d365acs replay resume contact\n"
    )
    # When the workflow is stopped and started, Then it is paused still
    run("workflow", "restart", "ingress")
    assert json.loads(run("replay", "ls", "-o", "json").stdout)[0]["state"] == "paused"
    assert run("replay", "resume", "contact").stderr == "The replay of contact goes on: reading.\n"
    actions = [event.action for event in ingress.acts.newest() if event.action.startswith("replay")]
    assert actions == ["replay resume", "replay pause", "replay now", "replay ask"]


def test_replays_that_others_have_followed_are_listed_below_the_last_twenty_of_them(
    run: Run, ingress: WorkflowStore, running: int
) -> None:
    # Given a replay that was ended, one that was read to its end, and one whose place another one takes
    run("replay", "create", "contact", "--now", "--why", "first")
    run("replay", "cancel", "contact")
    run("replay", "create", "contact", "--since", "1d", "--why", "second")
    began = ingress.replays.began("contact")
    assert began is not None and began.began_ms is not None
    ingress.replays.over("contact", began.began_ms, 1200, 30)
    position = Position(phase=Phase.CHANGES, link="x", replayed_ms=began.began_ms)
    ingress.queue("contact").put_page(running, 1, [], position.dump())
    run("replay", "create", "contact", "--now", "--why", "third")
    run("replay", "create", "contact", "--now", "--why", "fourth")
    # When they are listed, Then the last one stands first, and below each with what became of it
    found = json.loads(run("replay", "ls", "-o", "json").stdout)
    assert [(one["why"], one["state"], one["read"], one["queued"]) for one in found] == [
        ("fourth", "reading", None, None),
        ("third", "over", None, None),
        ("second", "done", 1200, 30),
        ("first", "ended", None, None),
    ]
    assert found[2]["all_read"] and not found[1]["all_read"]
    lines = run("replay", "ls").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["contact", "reading"], ["contact", "over"], ["contact", "done"], ["contact", "ended"],
    ]  # fmt: skip
    # And however many there were, twenty are kept
    for number in range(20):
        run("replay", "create", "contact", "--now", "--why", f"again {number}")
    kept = json.loads(run("replay", "ls", "-o", "json").stdout)
    assert (len(kept), kept[0]["why"], kept[-1]["why"]) == (21, "again 19", "fourth")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "nonsense",
            "nonsense is neither a mapped table (contact) nor egress or optinout; see the replays that there are with: "
            "d365acs replay ls",
        ),
        ("ingress", "ingress is replayed table by table; see the replays of its tables with: d365acs replay ls"),
        ("contact", "No replay of contact was ever asked for; see those that were with: d365acs replay ls"),
    ],
)
def test_a_name_without_a_replay_is_told_what_a_name_can_be(run: Run, name: str, sentence: str) -> None:
    shown = run("replay", "show", name)
    assert (shown.exit_code, shown.stdout, shown.stderr) == (1, "", f"Error: {sentence}\n")
    if name == "nonsense":
        for verb in ("cancel", "pause", "resume"):
            assert run("replay", verb, name).stderr == f"Error: {sentence}\n"


def test_a_replay_that_is_one_with_a_full_read_cannot_be_paused(run: Run, ingress: WorkflowStore, running: int) -> None:
    run("replay", "create", "contact", "--now")
    began = ingress.replays.began("contact")
    assert began is not None
    position = Position(phase=Phase.FULL, link="x", replayed_ms=began.began_ms or 0, repeats=True, rows=5)
    ingress.queue("contact").put_page(running, 1, [], position.dump())
    assert run("replay", "pause", "contact").stderr == (
        "Error: Everything of contact is read anyway, under a changed mapping or for the first time, and that cannot "
        "be paused; make it no replay with: d365acs replay cancel contact\n"
    )


def test_a_table_that_is_not_mapped_has_no_replay(run: Run) -> None:
    assert run("replay", "create", "account").stderr == "Error: No mapping leads from account; mapped: contact.\n"
    assert run("replay", "ls").stderr == (
        "No replay is pending, and none has begun; ask for one with: d365acs replay create TABLE (or egress, "
        "optinout)\n"
    )


def test_replays_can_be_watched(run: Run, ingress: WorkflowStore, running: int) -> None:
    run("replay", "create", "contact", "--now")
    for command in (["ls"], ["show", "contact"]):
        watched = run("replay", *command, "--watch", "--count", "2", "--interval", "0.1")
        assert (watched.exit_code, watched.stderr, watched.stdout.count("contact")) == (0, "", 2)
        lines = run("replay", *command, "--watch", "--count", "2", "--interval", "0.1", "-o", "jsonl").stdout
        assert [json.loads(line)["table"] for line in lines.splitlines()] == ["contact", "contact"]
