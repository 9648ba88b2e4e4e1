"""d365acs replay: a request that waits, shown, for the next stop and start."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from store.records import Change, Lane
from store.store import WorkflowStore
from sync.position import Phase, Position
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


def test_a_pending_replay_can_be_taken_back_and_one_that_began_cannot(run: Run, ingress: WorkflowStore) -> None:
    run("replay", "create", "contact")
    assert run("replay", "cancel", "contact", "--why", "mistake").stderr == "The replay of contact is taken back.\n"
    assert run("replay", "cancel", "contact").stderr == (
        "Error: No replay of contact is pending; see those that are with: d365acs replay ls\n"
    )
    # When one has begun
    run("replay", "create", "contact")
    ingress.replays.begin(ingress.now_ms())
    # Then it is shown so, and goes on
    assert run("replay", "ls").stdout.splitlines()[1].split()[:2] == ["contact", "reading"]
    assert run("replay", "cancel", "contact").stderr == (
        "Error: The replay of contact has begun and cannot be taken back; it ends by itself.\n"
    )
    # And who asked and who took back is on record
    actions = [(event.action, event.by) for event in ingress.lifecycle.history()]
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
    position = Position(phase=Phase.FULL, link="x", replayed_ms=began_ms)
    queue.put_page(generation, 1, [Change("a", 1, b"{}")], position.dump(), lane=Lane.REPLAY)
    assert listed() == ("reading", 1)
    # When the last page has come, then what waits is to be written
    position = replace(position, phase=Phase.CHANGES)
    queue.put_page(generation, 2, [Change("b", 2, b"{}")], position.dump(), lane=Lane.REPLAY)
    assert listed() == ("writing", 2)
    assert "writing, 2 to go" in run("replay", "ls").stdout
    # When writers have taken all, then it is done
    queue.lease(generation, 10, 60_000)
    assert listed() == ("done", 0)


def test_a_table_that_is_not_mapped_has_no_replay(run: Run) -> None:
    assert run("replay", "create", "account").stderr == "Error: No mapping leads from account; mapped: contact.\n"
    assert run("replay", "ls").stderr == (
        "No replay is pending, and none has begun; ask for one with: d365acs replay create TABLE (or egress, "
        "optinout)\n"
    )
