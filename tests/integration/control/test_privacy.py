"""The first start of an instance asks whether it is known how privacy requests are made."""

from pathlib import Path

import pytest

from cli import editing
from store.lifecycle import State
from store.store import Store, WorkflowStore
from tests.integration.control.conftest import Run


@pytest.fixture(autouse=True)
def applied(run: Run, file: Path) -> None:
    run("config", "apply", str(file))


@pytest.mark.parametrize("verb", ["start", "restart"])
def test_where_nobody_can_be_asked_the_first_start_is_refused_with_the_way_out(
    run: Run, verb: str, ingress: WorkflowStore
) -> None:
    result = run("workflow", verb, "ingress")
    assert (result.exit_code, result.stdout, ingress.lifecycle.read().state) == (1, "", State.STOPPED)
    assert result.stderr == (
        "Error: Nobody has acknowledged yet that privacy requests (access, erasure) are to be made in both systems, "
        "Dynamics 365 and Campaign; if that is known, start once with --accept-privacy.\n"
    )


def test_it_is_recorded_once_with_who_and_when(run: Run, store: Store, file: Path) -> None:
    # When it is acknowledged with a start
    before = store.now_ms()
    assert run("workflow", "start", "ingress", "--accept-privacy").exit_code == 0
    # Then it is on record, and asked for never again
    found = store.privacy.read()
    assert found is not None and found.by == "ann" and found.at_ms >= before
    run("workflow", "stop", "ingress")
    assert run("workflow", "start", "ingress", D365ACS_ACTOR="bob").exit_code == 0
    assert store.privacy.read() == found
    # But another instance asks for itself
    run("--instance", "stage", "config", "apply", str(file))
    assert run("--instance", "stage", "workflow", "start", "ingress").exit_code == 1


def test_on_a_terminal_the_operator_is_asked(run: Run, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editing, "on_terminal", lambda: True)
    # When the operator says no
    refused = run("workflow", "start", "ingress", answer="n\n")
    # Then nothing is started
    assert "It does not carry out privacy requests" in refused.stderr
    assert (refused.exit_code, store.privacy.read()) == (1, None)
    # When they say yes, Then it is
    assert run("workflow", "start", "ingress", answer="y\n").stdout == "ingress: STOPPED -> STARTING, revision 1.\n"
    assert store.privacy.read() is not None


def test_a_start_that_cannot_happen_asks_for_nothing(run: Run, store: Store) -> None:
    assert run("--instance", "empty", "workflow", "start", "ingress", "--accept-privacy").exit_code == 1
    assert Store(store.redis, "empty").privacy.read() is None
