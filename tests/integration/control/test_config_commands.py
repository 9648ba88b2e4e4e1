"""d365acs config: save, export, compare; nothing that runs is touched."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from store.store import WorkflowStore
from tests.integration.control.conftest import INGRESS, Run


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


def test_what_is_exported_can_be_applied_again_without_a_change(run: Run, file: Path, tmp_path: Path) -> None:
    # Given a saved configuration that is exported into a file
    run("config", "apply", str(file))
    copy = tmp_path / "copy.yaml"
    copy.write_text(run("config", "export").stdout)
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
    assert "-        - {from: firstname, to: firstName}\n+        - {from: firstname, to: lastName}\n" in result.stdout
    assert result.stderr == "ingress: revision 1 -> file\n"


@pytest.mark.usefixtures("acknowledged")
def test_without_a_file_the_difference_is_what_the_next_start_would_change(
    run: Run, file: Path, edited: Callable[[str, str], Path]
) -> None:
    # Given a workflow that was started, and an edit after it
    run("config", "apply", str(file))
    run("workflow", "start", "ingress")
    run("config", "apply", str(edited("to: firstName", "to: lastName")))
    # Then the difference between what runs and what is saved is shown, and both can be seen
    result = run("config", "diff")
    assert "+        - {from: firstname, to: lastName}\n" in result.stdout
    assert result.stderr == "ingress: revision 1 (active) -> revision 2\n"
    assert "to: firstName" in run("config", "export", "--active").stdout
    assert "to: lastName" in run("config", "export").stdout
    assert "to: firstName" in run("config", "export", "ingress", "--revision", "1").stdout


def test_a_revision_that_does_not_exist_is_named(run: Run, file: Path) -> None:
    run("config", "apply", str(file))
    result = run("config", "export", "ingress", "--revision", "7")
    assert (result.exit_code, result.stderr) == (1, "Error: ingress has no revision 7; the newest is 1.\n")
    assert run("config", "export", "--revision", "1").exit_code == 2


def test_nothing_saved_is_nothing_to_export(run: Run) -> None:
    result = run("config", "export")
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
        "Error: ingress: the mapping of contact leads to profile by externalId, and that cannot be edited: "
        "delete it, then add the new one: d365acs mapping delete contact\n"
    )
    # And the way out is one
    assert run("mapping", "delete", "contact", "--yes").exit_code == 0
    assert "saved" in run("config", "apply", str(file)).stdout
    assert "resource: cusPerson" in run("config", "export").stdout


def test_a_file_that_takes_mappings_away_says_which(run: Run, file: Path, edited: Callable[[str, str], Path]) -> None:
    # Given a mapping, and a file from before it was added
    run("config", "apply", str(file))
    before = edited(INGRESS, "ingress: {tables: []}\n")
    sentence = (
        "No longer mapped: contact. From the next start on nothing of it travels; what is in Campaign stays there as "
        "it is.\n"
    )
    # When it is compared, and applied, Then both say so
    assert sentence in run("config", "diff", str(before)).stderr
    assert sentence in run("config", "apply", str(before)).stderr
    # And nobody is told twice
    assert "No longer" not in run("config", "apply", str(before)).stderr


def test_a_file_that_configures_no_workflow_is_refused(run: Run, file: Path) -> None:
    file.write_text(file.read_text().partition("ingress:")[0])
    result = run("config", "apply", str(file))
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: The file configures no workflow; add a part: ingress, egress, optinout.\n",
    )


def test_programs_get_what_was_applied_as_json(run: Run, file: Path) -> None:
    assert json.loads(run("config", "apply", str(file), "-o", "json").stdout) == [
        {"workflow": "ingress", "revision": 1, "changed": True, "waits": False}
    ]
    assert json.loads(run("config", "export", "-o", "json").stdout)["ingress"]["tables"][0]["table"] == "contact"


def test_the_history_lists_revisions_and_a_rollback_is_a_new_one(
    run: Run, file: Path, edited: Callable[[str, str], Path]
) -> None:
    # Given two revisions, of which the first is active
    run("config", "apply", str(file), "--why", "first")
    run("workflow", "start", "ingress", "--accept-privacy")
    run("config", "apply", str(edited("to: firstName", "to: lastName")))
    # When the first is taken back
    back = run("config", "rollback", "ingress", "1")
    # Then a third says what the first said, and the workflow is to be restarted
    assert back.stdout == "WORKFLOW  REVISION  RESULT\ningress          3  saved\n"
    assert back.stderr.startswith("ingress runs under an earlier revision;")
    assert run("config", "export", "ingress", "--revision", "1").stdout == run("config", "export").stdout
    # And the history tells who, from where, why, and which of them runs
    found = json.loads(run("config", "history", "-o", "json").stdout)
    assert {(one["by"], one["origin"]) for one in found} == {("ann", "ann@desk")}
    assert [(one["revision"], one["why"], one["active"], one["newest"]) for one in found] == [
        (3, "back to revision 1", False, True),
        (2, "", False, False),
        (1, "first", True, False),
    ]
    assert "active" in run("config", "history").stdout.splitlines()[3]
    # And a number that is not there is named
    assert run("config", "rollback", "ingress", "9").stderr == "Error: ingress has no revision 9; the newest is 3.\n"
    # And what is saved already makes no revision
    assert "unchanged" in run("config", "rollback", "ingress", "3").stdout


def test_a_rollback_does_not_change_a_pair_in_place(
    run: Run, file: Path, edited: Callable[[str, str], Path], ingress: WorkflowStore
) -> None:
    # Given a table that was mapped to one resource, deleted, and mapped to another
    run("config", "apply", str(file))
    run("mapping", "delete", "contact", "--yes")
    run("config", "apply", str(edited("resource: profile", "resource: cusPerson")))
    # When the first revision is to come back, Then the way to it is told
    result = run("config", "rollback", "ingress", "1")
    assert (result.exit_code, ingress.revisions.newest()) == (1, 3)
    assert result.stderr.endswith("delete it, then add the new one: d365acs mapping delete contact\n")


def test_the_schema_that_editors_check_files_with_is_printed(run: Run) -> None:
    described = json.loads(run("config", "schema").stdout)
    assert described["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {"connections", "ingress"} <= described["properties"].keys()
