"""d365acs replay: a request that waits, shown, for the next stop and start."""

import json
from pathlib import Path

import pytest

from store.store import WorkflowStore
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
    assert (listed["table"], listed["pending"], listed["by"], listed["why"]) == ("contact", True, "ann", "restored")
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
    assert "began 0 s ago" in run("replay", "ls").stdout
    assert run("replay", "cancel", "contact").stderr == (
        "Error: The replay of contact has begun and cannot be taken back; it ends by itself.\n"
    )
    # And who asked and who took back is on record
    actions = [(event.action, event.by) for event in ingress.lifecycle.history()]
    assert len({action for action, by in actions if by == "ann"}) >= 3


def test_a_table_that_is_not_mapped_has_no_replay(run: Run) -> None:
    assert run("replay", "create", "account").stderr == "Error: No mapping leads from account; mapped: contact.\n"
    assert run("replay", "ls").stderr == (
        "No replay was ever asked for; ask for one with: d365acs replay create TABLE\n"
    )
