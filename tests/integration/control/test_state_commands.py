"""d365acs state: reading positions, shown, kept in a file and put back."""

import json
from pathlib import Path
from typing import Any

import pytest

from store.cursors import Placing
from store.record_queue import Change
from store.store import WorkflowStore
from sync.tables.position import Left, Phase, Position
from tests.integration.control.conftest import Run

pytestmark = pytest.mark.usefixtures("acknowledged")

LINK = "https://contoso.crm.dynamics.test/api/data/v9.2/contacts?$deltatoken=1"
AFTER = Position(phase=Phase.CHANGES, link=LINK, highest=7)


@pytest.fixture
def read(run: Run, file: Path, ingress: WorkflowStore) -> WorkflowStore:
    """Ingress, stopped after a page of contacts was read."""
    run("config", "apply", str(file))
    ingress.lifecycle.start("ann", "", 1)
    generation = ingress.lifecycle.read().generation
    ingress.lifecycle.add_streams(["contact"])
    assert ingress.lifecycle.run(generation, "start-up checks", "")
    ingress.queue("contact").put_page(generation, 0, [Change("1", 14, b"{}")], AFTER.dump())
    ingress.lifecycle.stop("ann", "")
    return ingress


def test_positions_are_shown_and_exported(run: Run, read: WorkflowStore) -> None:
    assert run("state", "get").stdout == (
        "WORKFLOW  STREAM   PAGES  LAST\n"
        "ingress   contact      1  0 s ago\n"
    )  # fmt: skip
    [shown] = json.loads(run("state", "get", "ingress", "contact", "-o", "json").stdout)
    assert (shown["workflow"], shown["stream"], shown["pages"]) == ("ingress", "contact", 1)
    assert shown["position"]["link"] == LINK
    assert json.loads(run("state", "export").stdout) == [shown]


def test_before_anything_is_configured_that_is_said(run: Run) -> None:
    assert run("state", "get").stderr == (
        "Nothing is configured yet, so that nothing is read; begin with: d365acs config apply FILE\n"
    )


def test_an_exported_position_is_put_back_and_the_act_is_in_the_history(
    run: Run, read: WorkflowStore, tmp_path: Path
) -> None:
    # Given an export, after which reading went back to the beginning
    kept = tmp_path / "positions.json"
    kept.write_text(run("state", "export").stdout)
    gone = run("state", "set", "ingress", "contact", "--beginning", "--why", "test", "--yes")
    assert gone.exit_code == 0
    assert json.loads(gone.stdout)[0]["position"]["link"] == LINK  # the one from before
    # Of which deletions are still to be read by the link from before
    begun = Position.load(read.cursor("contact").value)
    assert (begun.phase, begun.link, begun.left) == (Phase.FULL, "", Left(LINK, midway=False, newest=7))
    # When the export is imported
    back = run("state", "import", str(kept), "--why", "oops", "--yes")
    # Then reading goes on from there, under a number that no earlier reader knows
    assert back.stderr == "1 position set, for the next start. Those from before are on stdout.\n"
    cursor = read.cursor("contact")
    back_again = Position.load(cursor.value)
    assert (back_again.phase, back_again.link, back_again.left) == (AFTER.phase, AFTER.link, begun.left)
    assert cursor.number == 3
    # And who did it stands in the history
    acts = [(act.action, act.by, act.why, act.stream) for act in read.acts.newest(2)]
    assert acts == [("state set", "ann", "oops", "contact"), ("state set", "ann", "test", "contact")]


def test_one_position_is_set_from_what_get_wrote(run: Run, read: WorkflowStore, tmp_path: Path) -> None:
    one = tmp_path / "one.yaml"
    one.write_text(run("state", "get", "ingress", "contact", "-o", "yaml").stdout)
    assert run("state", "set", "ingress", "contact", str(one), "--yes").exit_code == 0
    assert Position.load(read.cursor("contact").value).link == LINK


def test_nothing_moves_while_the_workflow_runs(run: Run, read: WorkflowStore) -> None:
    read.lifecycle.start("ann", "", 1)
    refused = run("state", "set", "ingress", "contact", "--beginning", "--yes")
    assert (refused.exit_code, refused.stderr) == (
        1,
        "Error: ingress runs, and its positions move; stop it first: d365acs workflow stop ingress\n",
    )
    assert Position.load(read.cursor("contact").value) == AFTER


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "positions.json is neither JSON nor YAML."),
        ("a: 2024-13-45", "positions.json is neither JSON nor YAML."),
        (10_000 * "[", "positions.json is neither JSON nor YAML."),
        ('[{"workflow": "ingress"}]', "This is no export of positions: 0.stream is missing or wrong."),
        (
            '[{"workflow": "ingress", "stream": "contact", "position": {"phase": "sideways"}}]',
            "This is no reading position of ingress; take one from: d365acs state get ingress -o json",
        ),
        (
            '[{"workflow": "ingress", "stream": "account", "position": {}}]',
            "ingress has no stream account; see those that it has with: d365acs state get ingress",
        ),
        ('[{"workflow": "up", "stream": "x", "position": {}}]', "There is no workflow up"),
    ],
)
def test_what_is_no_export_sets_nothing(
    run: Run, read: WorkflowStore, tmp_path: Path, text: str, sentence: str
) -> None:
    wrong = tmp_path / "positions.json"
    wrong.write_text(text)
    refused = run("state", "import", str(wrong), "--yes")
    assert refused.exit_code == 1 and sentence in refused.stderr
    assert Position.load(read.cursor("contact").value) == AFTER


def test_somebody_is_asked_and_a_script_says_yes(run: Run, read: WorkflowStore) -> None:
    asked = run("state", "set", "ingress", "contact", "--beginning")
    assert asked.exit_code == 2 and "add --yes" in asked.stderr
    neither = run("state", "set", "ingress", "contact", "--yes")
    assert neither.exit_code == 2 and "Name a FILE with the position, or say --beginning." in neither.stderr


@pytest.mark.parametrize(
    ("starts", "sentence"),
    [
        (True, "ingress runs, and its positions move; stop it first: d365acs workflow stop ingress"),
        (False, "The position of contact has just changed, and was not set; look at it and set it again."),
    ],
)
def test_what_was_set_before_another_one_could_not_be_is_told(
    monkeypatch: pytest.MonkeyPatch, run: Run, read: WorkflowStore, tmp_path: Path, starts: bool, sentence: str
) -> None:
    # Given an export of two streams
    read.lifecycle.add_streams(["account"])
    Placing.place(read.placing("account"), read.cursor("account"), AFTER.dump(), "ann", "")
    kept = tmp_path / "positions.json"
    kept.write_text(run("state", "export").stdout)
    first, second = [one["stream"] for one in json.loads(kept.read_text())]
    place = Placing.place

    def then_others(*args: Any, **kwargs: Any) -> None:
        monkeypatch.setattr(Placing, "place", others)
        place(*args, **kwargs)

    def others(*args: Any, **kwargs: Any) -> None:
        if starts:
            read.lifecycle.start("bob", "", 1)
        else:
            place(read.placing(second), read.cursor(second), "", "bob", "")
        place(*args, **kwargs)

    # When somebody starts the workflow, or sets the second one, after the first was set
    monkeypatch.setattr(Placing, "place", then_others)
    refused = run("state", "import", str(kept), "--yes")
    # Then it is told which one is set, and what is to be done
    assert (refused.exit_code, refused.stderr) == (
        1,
        "1 position set, for the next start. Those from before are on stdout.\n"
        f"Error: 1 position not set, from {second} of ingress on: {sentence}\n",
    )
    assert json.loads(refused.stdout)[0]["stream"] == first
