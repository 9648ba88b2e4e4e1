"""Two workflows beside each other: each has its configuration, and neither disturbs the other."""

import json
from pathlib import Path

import pytest

from cli import editing
from config.settings import Settings
from control.doctor.examination import examine
from store.lifecycle import State
from store.store import Store, WorkflowStore
from tests.integration.control.conftest import BOTH, CONFIGURATION, EGRESS_ALONE, Run


def apply(run: Run, file: Path, text: str) -> list[tuple[str, int, bool]]:
    file.write_text(text)
    result = run("config", "apply", str(file), "-o", "json")
    assert result.exit_code == 0, result.output
    return [(one["workflow"], one["revision"], one["changed"]) for one in json.loads(result.stdout)]


@pytest.mark.parametrize("first", [CONFIGURATION, EGRESS_ALONE])
def test_a_file_with_one_workflow_leaves_the_other_as_it_is(run: Run, file: Path, first: str) -> None:
    # Given an instance with one workflow
    other = "egress" if first is CONFIGURATION else "ingress"
    [(name, _, _)] = apply(run, file, first)
    # When a file with the other one alone is applied
    second = EGRESS_ALONE if first is CONFIGURATION else CONFIGURATION
    file.write_text(second)
    difference = run("config", "diff", str(file))
    result = run("config", "apply", str(file))
    # Then both are configured, and it was said that the first one stays
    stays = f"{name} is not in this file and stays as it is saved.\n"
    assert result.stderr == stays
    assert difference.stderr == f"{other}: nothing saved -> file\n{stays}"
    assert apply(run, file, BOTH) == [("ingress", 1, False), ("egress", 1, False)]


def test_the_connections_of_another_workflow_are_no_change(run: Run, file: Path, ingress: WorkflowStore) -> None:
    # Given ingress, which runs
    apply(run, file, CONFIGURATION)
    run("workflow", "start", "ingress", "--accept-privacy")
    # When egress joins it in the file, with the journal that it reads
    found = apply(run, file, BOTH)
    # Then nothing of ingress waits to be applied
    assert found == [("ingress", 1, False), ("egress", 1, True)]
    assert "saved changes" not in run("workflow", "ls").stdout


def test_what_is_exported_says_all_workflows_whichever_was_saved_last(run: Run, file: Path) -> None:
    # Given egress, then ingress with another Dynamics, each from a file of its own
    apply(run, file, EGRESS_ALONE)
    file.write_text(CONFIGURATION.replace("contoso.crm", "fabrikam.crm"))
    applied = run("config", "apply", str(file))
    # Then it is said that they do not go to the same Dynamics
    differ = "The workflows are saved with different connections.dynamics"
    assert applied.stderr.splitlines()[1].startswith(differ)
    # And the export is one file with the newest connections, and the journal that only egress has
    exported = run("config", "export")
    assert exported.stderr.startswith(f"{differ}; these are those that were saved last.")
    assert "fabrikam.crm" in exported.stdout and "events.adobe.test" in exported.stdout
    # When it is applied, Then both have the same
    file.write_text(exported.stdout)
    again = run("config", "apply", str(file))
    assert (again.exit_code, again.stderr) == (0, "")
    assert run("config", "export").stdout == exported.stdout
    # And each workflow's own part can be had by itself
    alone = run("config", "export", "egress").stdout
    assert "egress:" in alone and "ingress:" not in alone


def test_the_history_tells_of_both_workflows_newest_first(run: Run, file: Path) -> None:
    apply(run, file, CONFIGURATION)
    apply(run, file, EGRESS_ALONE)
    found = json.loads(run("config", "history", "-o", "json").stdout)
    assert [(one["workflow"], one["revision"]) for one in found] == [("egress", 1), ("ingress", 1)]
    # And of one of them by name
    assert [line.split()[0] for line in run("config", "history", "egress").stdout.splitlines()[1:]] == ["egress"]
    assert len(json.loads(run("config", "history", "--limit", "1", "-o", "json").stdout)) == 1


@pytest.mark.usefixtures("answering")
def test_a_workflow_that_is_not_used_is_shown_quietly(run: Run, file: Path, settings: Settings) -> None:
    # Given an instance that only uses ingress
    apply(run, file, CONFIGURATION)
    # Then the others are lines of dashes, without a note
    assert run("workflow", "ls").stdout == (
        "WORKFLOW  STATE    SINCE  BACKLOG  PARKED  OLDEST  SET ASIDE  TOKEN\n"
        "ingress   STOPPED  -            0       0       -          0      -\n"
        "egress    STOPPED  -            -       -       -          -      -\n"
        "optinout  STOPPED  -            -       -       -          -      -\n"
    )
    # And it is not watched, nor examined
    assert "egress" not in run("workflow", "watch", "--count", "1").stdout
    assert not [check for check in examine(settings) if "egress" in check.name]
    # And who asks for it by name is told what to do
    assert run("workflow", "show", "egress").stdout.endswith(
        "\n\negress has no configuration yet; save one with: d365acs config apply FILE\n"
    )


@pytest.mark.parametrize(
    "command", [("workflow", "start", "egress"), ("workflow", "restart", "egress"), ("replay", "create", "egress")]
)
def test_what_needs_a_configuration_names_the_workflow_that_has_none(
    run: Run, file: Path, command: tuple[str, ...]
) -> None:
    apply(run, file, CONFIGURATION)
    result = run(*command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: egress has no configuration yet; save one with: d365acs config apply FILE\n"


def test_what_shows_a_configuration_names_the_workflow_that_has_none(run: Run, file: Path) -> None:
    apply(run, file, CONFIGURATION)
    result = run("config", "export", "egress")
    assert result.stderr == ("Error: No configuration of egress is saved; save one with: d365acs config apply FILE\n")


def test_privacy_is_acknowledged_once_for_both(run: Run, file: Path, egress: WorkflowStore, store: Store) -> None:
    apply(run, file, BOTH)
    # Given a first start of either workflow, which is refused
    assert run("workflow", "start", "egress").exit_code == 1
    # When it is acknowledged with one, Then the other starts without
    assert run("workflow", "start", "egress", "--accept-privacy").stdout == "egress: STOPPED -> STARTING, revision 1.\n"
    assert run("workflow", "start", "ingress").exit_code == 0
    # And each is stopped by itself
    run("workflow", "stop", "ingress")
    assert egress.lifecycle.read().state is State.STARTING


def test_editing_one_workflow_is_no_revision_of_the_other(
    run: Run, file: Path, monkeypatch: pytest.MonkeyPatch, ingress: WorkflowStore, egress: WorkflowStore
) -> None:
    apply(run, file, BOTH)
    monkeypatch.setattr(editing, "on_terminal", lambda: False)
    result = run("workflow", "edit", "egress", EDITOR="sed -i 's/opens: true/opens: false/'", VISUAL=None)
    assert result.stdout == "WORKFLOW  REVISION  RESULT\negress           2  saved\n"
    assert (ingress.revisions.newest(), egress.revisions.newest()) == (1, 2)
    # And the way back is another one
    assert "egress           3  saved" in run("config", "rollback", "egress", "1").stdout
    assert run("config", "export", "egress").stdout == run("config", "export", "egress", "--revision", "1").stdout
