"""What an operator is told of a workflow beyond its numbers: held tables, parked records, old tokens, engine calls."""

import json
from pathlib import Path

import pytest

from store.keys import LEDGER_BUCKETS
from store.outcomes import Parent, Parked
from store.records import Change
from store.store import Store, WorkflowStore
from sync.schemas import Schemas, dump
from sync.tables.position import Comparison, Phase, Position
from tests.integration.control.conftest import Run

pytestmark = pytest.mark.usefixtures("acknowledged", "answering")

DAY_MS = 86_400_000


@pytest.fixture
def generation(run: Run, file: Path, ingress: WorkflowStore) -> int:
    """The workflow runs."""
    run("config", "apply", str(file))
    run("workflow", "start", "ingress")
    life = ingress.lifecycle.read()
    assert ingress.lifecycle.run(life.generation, "start-up checks", "both systems answer")
    ingress.lifecycle.add_streams(["contact"])
    return life.generation


def notes(run: Run) -> list[str]:
    found: list[str] = json.loads(run("workflow", "show", "ingress", "-o", "json").stdout)["notes"]
    return found


def test_a_held_table_is_shown_with_the_difference_and_the_way_on(
    run: Run, ingress: WorkflowStore, generation: int
) -> None:
    # Given a table that a schema change holds
    ingress.holds.hold("contact", generation, "contact.emailaddress1 is gone")
    # Then it is the first thing to be told
    assert notes(run)[0] == (
        "ingress holds contact, its records wait and none is lost: contact.emailaddress1 is gone: "
        "d365acs mapping edit contact; d365acs workflow restart ingress"
    )
    shown = run("workflow", "show", "ingress").stdout.splitlines()
    assert [line.split()[-1] for line in shown if line.startswith("contact ")] == ["held"]
    checks = {one["check"]: one for one in json.loads(run("doctor", "-o", "json").stdout)}
    assert checks["ingress contact"]["colour"] == "red"
    # And once it is stopped there is nothing to hold
    run("workflow", "stop", "ingress")
    assert not any("holds" in note for note in notes(run))


def test_a_held_table_is_told_once_with_its_reading_and_other_troubles_beside_it(
    run: Run, ingress: WorkflowStore, generation: int
) -> None:
    # Given a table whose reading has met what holds it, and another trouble
    ingress.holds.hold("contact", generation, "the table contact has no column fax")
    now_ms = ingress.now_ms()
    for where in ("contact.read", "contact.write"):
        ingress.troubles.note(where, f"trouble at {where}", now_ms, now_ms)
    # Then people read of the held table once, and of the other trouble
    told = notes(run)
    assert [note.partition(" contact")[0] for note in told] == ["ingress holds", "ingress has waited for 0 s to write"]
    # And programs of both
    found = json.loads(run("workflow", "show", "ingress", "-o", "json").stdout)["troubles"]
    assert {trouble["where"] for trouble in found} == {"contact.read", "contact.write"}


def test_reading_that_waits_for_writing_is_a_fact_and_no_trouble(
    run: Run, ingress: WorkflowStore, generation: int
) -> None:
    # Given a first run, of which as much is to be written as may be read ahead
    queue, now_ms = ingress.queue("contact"), ingress.now_ms()
    queue.put_page(generation, 0, [Change(one, 1, b"{}") for one in ("a", "b")], Position(link="x").dump())
    ingress.troubles.note("contact.full", "Reading waits.", now_ms - DAY_MS, now_ms)
    # Then nobody is told of trouble, on no face of it
    for verb in (("ls",), ("watch", "--count", "1")):
        assert "read contact" not in run("workflow", *verb).stdout
    found = json.loads(run("workflow", "show", "ingress", "-o", "json").stdout)
    assert (found["troubles"], found["notes"], found["streams"][0]["reading_waits"]) == ([], [], True)
    assert 'place="contact.read"' not in run("metrics").stdout
    # And who looks closer reads what reading waits for
    words = "waits for writing to catch up (2 records of contact)"
    shown = run("workflow", "show", "ingress").stdout.splitlines()
    assert [line.split(maxsplit=1)[1] for line in shown if line.startswith("Reading ")] == [words]
    # When it is trouble after all, then that is told in its place
    ingress.troubles.clear("contact.full")
    ingress.troubles.note("contact.read", "Dynamics is not available (503)", now_ms, now_ms)
    [note] = notes(run)
    assert note.startswith("ingress has waited for ") and note.endswith(": Dynamics is not available (503).")
    assert words not in run("workflow", "show", "ingress").stdout


def test_reading_of_a_table_that_is_held_is_not_said_to_wait_for_writing(
    run: Run, ingress: WorkflowStore, generation: int
) -> None:
    # Given a table that is held while its reading waits for writing
    ingress.troubles.note("contact.full", "Reading waits.", ingress.now_ms(), ingress.now_ms())
    assert says_that_reading_waits(run) == (True, True)
    ingress.holds.hold("contact", generation, "contact.emailaddress1 is gone")
    # Then neither people nor programs are told so
    assert says_that_reading_waits(run) == (False, False)


def test_reading_that_is_stopped_is_not_said_to_wait_for_writing(
    run: Run, ingress: WorkflowStore, generation: int
) -> None:
    # Given reading that waits for writing
    ingress.troubles.note("contact.full", "Reading waits.", ingress.now_ms(), ingress.now_ms())
    assert says_that_reading_waits(run) == (True, True)
    # When the workflow is stopped, and nobody has cleared it away
    run("workflow", "stop", "ingress")
    assert ingress.troubles.get("contact.full") is not None
    # Then neither people nor programs are told so
    assert says_that_reading_waits(run) == (False, False)


def says_that_reading_waits(run: Run) -> tuple[bool, bool]:
    """To people, and to programs."""
    [stream] = json.loads(run("workflow", "show", "ingress", "-o", "json").stdout)["streams"]
    return "to catch up" in run("workflow", "show", "ingress").stdout, stream["reading_waits"]


@pytest.mark.parametrize(
    ("phase", "comparison", "note", "reads"),
    [
        (Phase.FULL, Comparison(1), "everything is read again, then its keys are compared", "everything"),
        (Phase.CHANGES, Comparison(1, LEDGER_BUCKETS // 4, 3), "compared with Dynamics, 25% done, 3 found.", "keys"),
    ],
)
def test_a_comparison_of_keys_is_shown_while_it_is_under_way(
    run: Run,
    ingress: WorkflowStore,
    generation: int,
    phase: Phase,
    comparison: Comparison,
    note: str,
    reads: str,
) -> None:
    # Given a table whose change token had expired
    position = Position(phase=phase, link="x", comparison=comparison)
    ingress.queue("contact").put_page(generation, 0, [Change("a", 1, b"{}")], position.dump())
    # Then list, show and watch say how far it is
    for verb in (("ls",), ("show", "ingress"), ("watch", "--count", "1")):
        found = run("workflow", *verb).stdout
        assert "ingress: deletions of contact may have been missed: " in found
        assert note in found
    shown = run("workflow", "show", "ingress").stdout.splitlines()
    assert [line.split()[-1] for line in shown if line.startswith("contact ")] == [reads]
    [stream] = json.loads(run("workflow", "show", "ingress", "-o", "json").stdout)["streams"]
    assert stream["comparison"] == {
        "begun": phase is Phase.CHANGES,
        "fraction": comparison.bucket / LEDGER_BUCKETS,
        "found": comparison.found,
    }


def token(ingress: WorkflowStore, generation: int, days: float) -> None:
    """contact has been read to its end so many days ago."""
    position = Position(phase=Phase.CHANGES, link="x", token_ms=ingress.now_ms() - int(days * DAY_MS))
    ingress.queue("contact").put_page(generation, 0, [Change("a", 1, b"{}")], position.dump())


def test_the_age_of_a_token_is_judged_by_the_life_that_the_last_run_has_learnt(
    run: Run, ingress: WorkflowStore, generation: int
) -> None:
    # Given an organisation that keeps tokens for 30 days, and one of 6 days
    ingress.keep_schemas(generation, dump(Schemas({}, token_days=30)))
    token(ingress, generation, 6.01)
    # Then it is shown, and nothing to worry about, also after a stop
    run("workflow", "stop", "ingress")
    assert run("workflow", "ls").stdout.splitlines()[1].endswith("6 d")
    assert notes(run) == []
    [stream] = json.loads(run("workflow", "show", "ingress", "-o", "json").stdout)["streams"]
    assert (stream["token_life_days"], stream["token_alarm"]) == (30, "none")


def test_an_old_token_is_warned_about(run: Run, ingress: WorkflowStore, generation: int) -> None:
    token(ingress, generation, 6)
    assert notes(run)[0].startswith("ingress: The change token of contact is 6 d old, and Dynamics keeps it for 7 days")
    checks = {one["check"]: one["colour"] for one in json.loads(run("doctor", "-o", "json").stdout)}
    assert checks["ingress contact token"] == "yellow"


def test_engine_calls_are_summed_up_for_today_and_the_last_30_days(
    run: Run, ingress: WorkflowStore, store: Store
) -> None:
    # Given calls of today, of 29 days ago and of 30 days ago
    now_ms = store.now_ms()
    for days, updates in ((0, 10), (29, 100), (30, 1000)):
        ingress.engine_calls.add(1, updates, 2, 50, now_ms - days * DAY_MS)
    # Then an update counts twice, a look-up not at all
    shown = run("workflow", "show", "ingress").stdout
    assert "Engine calls  23 today, 226 in 30 days\n" in shown
    assert json.loads(run("workflow", "ls", "-o", "json").stdout)[0]["engine_calls"] == {
        "today": 23,
        "last_30_days": 226,
    }


def test_parked_and_filtered_records_are_shown_apart_from_the_backlog(
    run: Run, ingress: WorkflowStore, generation: int
) -> None:
    # Given a record that waits for its parent, one that can be written, and three that the filter left out
    queue = ingress.queue("contact")
    queue.put_page(generation, 0, [Change("a", 1, b"{}")], "", filtered=3)
    batch = queue.lease(generation, 10, 60_000)
    queue.settle(batch.number, [Parked("a", Parent("account", "p"))])
    queue.put_page(generation, 0, [Change("b", 1, b"{}")], "")
    # Then each has its number
    found = json.loads(run("workflow", "ls", "-o", "json").stdout)[0]
    assert (found["backlog"], found["parked"], found["streams"][0]["totals"]["filtered"]) == (1, 1, 3)
    why = "why: d365acs record explain a"
    assert f"ingress: 1 record waits for the record that it links to (parked); {why}" in notes(run)
