"""d365acs config: save, show, compare; nothing that runs is touched."""

import json
from collections.abc import Callable
from pathlib import Path

from store.store import WorkflowStore
from tests.integration.control.conftest import Run


def test_applying_saves_a_revision_once(run: Run, file: Path, ingress: WorkflowStore) -> None:
    # When the same file is applied twice
    first = run("config", "apply", str(file), "--why", "first")
    second = run("config", "apply", str(file))
    # Then the second time there is nothing to save
    assert first.stdout == "WORKFLOW  REVISION  RESULT\ningress          1  saved\n"
    assert second.stdout == "WORKFLOW  REVISION  RESULT\ningress          1  unchanged\n"
    revision = ingress.revisions.get(1)
    assert revision is not None
    assert (revision.by, revision.why, ingress.revisions.newest()) == ("ann", "first", 1)


def test_what_is_shown_can_be_applied_again_without_a_change(run: Run, file: Path, tmp_path: Path) -> None:
    # Given a saved configuration that is shown into a file
    run("config", "apply", str(file))
    copy = tmp_path / "copy.yaml"
    copy.write_text(run("config", "show").stdout)
    # Then the file says the same
    assert run("config", "diff", str(copy)).stderr == "ingress: no difference between revision 1 and file.\n"
    assert "unchanged" in run("config", "apply", str(copy)).stdout
    # And no secret stands in it, only where it is kept
    assert "${env:DYNAMICS_CLIENT_SECRET}" in copy.read_text()


def test_a_difference_shows_the_lines_that_would_change(
    run: Run, file: Path, edited: Callable[[str, str], Path]
) -> None:
    run("config", "apply", str(file))
    result = run("config", "diff", str(edited("to: firstName", "to: lastName")))
    assert result.exit_code == 0
    assert "-      to: firstName\n+      to: lastName\n" in result.stdout
    assert result.stderr == "ingress: revision 1 -> file\n"


def test_without_a_file_the_difference_is_what_the_next_start_would_change(
    run: Run, file: Path, edited: Callable[[str, str], Path]
) -> None:
    # Given a workflow that was started, and an edit after it
    run("config", "apply", str(file))
    run("workflow", "start", "ingress")
    run("config", "apply", str(edited("to: firstName", "to: lastName")))
    # Then the difference between what runs and what is saved is shown, and both can be seen
    result = run("config", "diff")
    assert "+      to: lastName\n" in result.stdout
    assert result.stderr == "ingress: revision 1 (active) -> revision 2\n"
    assert "to: firstName" in run("config", "show", "--active").stdout
    assert "to: lastName" in run("config", "show").stdout
    assert "to: firstName" in run("config", "show", "ingress", "--revision", "1").stdout


def test_a_revision_that_does_not_exist_is_named(run: Run, file: Path) -> None:
    run("config", "apply", str(file))
    result = run("config", "show", "ingress", "--revision", "7")
    assert (result.exit_code, result.stderr) == (1, "Error: ingress has no revision 7; the newest is 1.\n")
    assert run("config", "show", "--revision", "1").exit_code == 2


def test_nothing_saved_is_nothing_to_show(run: Run) -> None:
    result = run("config", "show")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: No configuration is saved; save one with: d365acs config apply FILE\n"


def test_a_file_with_mistakes_is_not_saved_and_every_mistake_is_told(
    run: Run, file: Path, edited: Callable[[str, str], Path], ingress: WorkflowStore
) -> None:
    # Given a file with two mistakes
    edited("tenant: contoso.test", "tennant: contoso.test")
    edited("resource: profile", "resource: pro-file")
    # When it is applied
    result = run("config", "apply", str(file))
    # Then nothing is saved, and each mistake is a line of its own
    assert (result.exit_code, result.stdout, ingress.revisions.newest()) == (1, "", 0)
    lines = result.stderr.splitlines()
    assert any(line.startswith(f"Error: {file}:4: connections.dynamics.tennant: ") for line in lines)
    assert any(line.startswith(f"Error: {file}:15: ingress.tables.0.resource: ") for line in lines)


def test_a_saved_pair_cannot_be_edited_in_place(
    run: Run, file: Path, edited: Callable[[str, str], Path], ingress: WorkflowStore
) -> None:
    run("config", "apply", str(file))
    result = run("config", "apply", str(edited("resource: profile", "resource: cusPerson")))
    assert (result.exit_code, ingress.revisions.newest()) == (1, 1)
    assert result.stderr == (
        "Error: ingress: the mapping of contact leads to profile by externalId, and that cannot be edited; "
        "delete the mapping (tables: [] if it is the only one), apply, then add the new one and apply again.\n"
    )
    # And the way out is one, even for the only table
    whole = file.read_text()
    file.write_text(whole.partition("  tables:")[0] + "  tables: []\n")
    assert "saved" in run("config", "apply", str(file)).stdout
    assert "tables: []" in run("config", "show").stdout
    file.write_text(whole)
    assert "saved" in run("config", "apply", str(file)).stdout
    assert "resource: cusPerson" in run("config", "show").stdout


def test_a_file_that_configures_no_workflow_is_refused(run: Run, file: Path) -> None:
    file.write_text(file.read_text().partition("ingress:")[0])
    result = run("config", "apply", str(file))
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: The file configures no workflow; add a part such as ingress (tables: [] moves nothing).\n",
    )


def test_programs_get_what_was_applied_as_json(run: Run, file: Path) -> None:
    assert json.loads(run("config", "apply", str(file), "-o", "json").stdout) == [
        {"workflow": "ingress", "revision": 1, "changed": True, "waits": False}
    ]
    assert json.loads(run("config", "show", "-o", "json").stdout)["ingress"]["tables"][0]["table"] == "contact"
