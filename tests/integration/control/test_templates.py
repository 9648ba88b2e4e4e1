"""What `workflow edit` opens before anything is saved."""

from pathlib import Path

import pytest

from cli import editing
from control.configuration import newest_document
from store.store import Store, WorkflowStore
from tests.integration.control.conftest import CONFIGURATION, Run


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editing, "on_terminal", lambda: False)


@pytest.mark.parametrize("workflow", ["egress", "optinout"])
def test_a_text_that_is_left_as_it_is_is_not_saved(run: Run, store: Store, workflow: str) -> None:
    result = run("workflow", "edit", workflow, EDITOR="true", VISUAL=None)
    assert (result.exit_code, result.stderr) == (0, "Nothing was changed; nothing is saved.\n")
    assert store.workflow(workflow).revisions.newest() == 0


@pytest.mark.parametrize("workflow", ["egress", "optinout"])
def test_a_text_that_was_changed_is_saved_and_is_without_a_mistake(run: Run, store: Store, workflow: str) -> None:
    # When only the host of an address is changed
    result = run("workflow", "edit", workflow, EDITOR="sed -i s/contoso.crm/fabrikam.crm/", VISUAL=None)
    # Then the rest of the text was a configuration
    assert (result.exit_code, result.stderr) == (0, "")
    document = newest_document(store.workflow(workflow))
    assert document is not None
    assert document.connections.dynamics.url == "https://fabrikam.crm.dynamics.com"
    assert getattr(document, workflow) is not None


def test_the_text_has_the_connections_that_other_workflows_have(
    run: Run, file: Path, egress: WorkflowStore, optinout: WorkflowStore
) -> None:
    # Given ingress with its connections
    file.write_text(CONFIGURATION)
    run("config", "apply", str(file))
    # When a part for opt-in/out is begun
    change = "sed -i s/donotbulkemail/donotbulkpostalmail/"
    assert run("workflow", "edit", "optinout", EDITOR=change, VISUAL=None).exit_code == 0
    # Then its connections are the same ones
    found = newest_document(optinout)
    assert found is not None
    assert found.connections.dynamics.url == "https://contoso.crm.dynamics.test"
    # And so are those of events
    assert run("workflow", "edit", "egress", EDITOR="sed -i s/opens:.true/opens:\\ false/", VISUAL=None).exit_code == 0
    assert [one.number for one in egress.revisions.all(5)] == [1]
    events = newest_document(egress)
    assert events is not None and events.egress is not None
    assert (events.connections.dynamics.url, events.egress.events.opens) == (found.connections.dynamics.url, False)


def test_of_ingress_there_is_none_and_the_way_is_told(run: Run) -> None:
    result = run("workflow", "edit", "ingress", EDITOR="true", VISUAL=None)
    assert result.stderr == "Error: No configuration of ingress is saved; save one with: d365acs config apply FILE\n"
