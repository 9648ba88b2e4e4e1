"""d365acs doctor over a real server."""

import json
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.document import Document, dump
from config.settings import Settings
from control.demo.sandbox import Sandbox
from control.demo.stage import SECRETS, document_for
from control.doctor import systems
from control.doctor.examination import examine
from store.store import Store, WorkflowStore
from tests.integration.control.conftest import Run
from tests.integration.control.demonstrated import know_secrets


def colours(run: Run) -> dict[str, str]:
    return {one["check"]: one["colour"] for one in json.loads(run("doctor", "-o", "json").stdout)}


def test_without_a_server_the_doctor_says_so_and_stops_there(tmp_path: Path, run: Run) -> None:
    result = run("--redis-url", "redis://127.0.0.1:1/0", "doctor", "-o", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)[-1] == {
        "check": "Redis",
        "colour": "red",
        "finding": "Redis does not answer at redis://127.0.0.1:1/0; start it, or correct D365ACS_REDIS_URL.",
        "remedy": None,
    }


def test_missing_processes_are_red_and_end_with_exit_code_1(run: Run) -> None:
    result = run("doctor")
    assert result.exit_code == 1
    found = colours(run)
    assert (found["Redis"], found["Redis version"], found["Redis eviction"]) == ("green", "green", "green")
    assert found["Redis clock"] == "green"
    assert (found["ingress workers"], found["beat"], found["ingress configuration"]) == ("red", "red", "yellow")


def test_an_acknowledgement_that_is_missing_is_yellow_and_one_that_was_given_is_told_with_who(
    run: Run, store: Store
) -> None:
    assert colours(run)["privacy"] == "yellow"
    store.privacy.record("ann", store.now_ms())
    assert colours(run)["privacy"] == "green"
    assert "Acknowledged 0 s ago by ann." in run("doctor").stdout


@pytest.mark.usefixtures("answering")
def test_secrets_that_only_the_workers_have_are_no_fault_but_said(run: Run, file: Path) -> None:
    # Given a configuration whose secrets are not in this environment
    run("config", "apply", str(file))
    found = colours(run)
    # Then the doctor says that it cannot ask the systems, and asks neither
    assert (found["Dynamics secret"], found["Campaign secret"]) == ("yellow", "yellow")
    assert (found["ingress workers"], found["beat"], found["ingress configuration"]) == ("green", "green", "green")
    assert "Dynamics" not in found


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    sandbox = Sandbox({"contacts": 5}, tmp_path / "sandbox.log")
    yield sandbox
    sandbox.stop()


@pytest.fixture
def document(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Document:
    """A configuration that fits the sandbox, its secrets in the environment."""
    know_secrets(sandbox, monkeypatch)
    return document_for(sandbox.info)


def test_both_systems_are_asked_and_the_mapping_is_held_against_their_schemas(
    run: Run, file: Path, document: Document
) -> None:
    # Given two systems that answer, and a mapping that fits them
    file.write_text(dump(document))
    run("config", "apply", str(file))
    # Then both answer, and the mappings fit; what may be regretted is said in one line
    checks = json.loads(run("doctor", "-o", "json").stdout)
    found = {one["check"]: one["colour"] for one in checks}
    assert (found["Dynamics"], found["Campaign"], found["ingress mapping"]) == ("green", "green", "green")
    assert [one["finding"] for one in checks if one["check"] == "ingress mapping"][-1] == "4 tables fit both schemas."
    # When the mapping names a field that Campaign does not have, and one that Dynamics does not have
    file.write_text(dump(document).replace("to: firstName", "to: fristName").replace("from: fax", "from: faxx"))
    run("config", "apply", str(file))
    # Then both are red
    checks = json.loads(run("doctor", "-o", "json").stdout)
    wrong = [one["finding"] for one in checks if one["check"] == "ingress mapping" and one["colour"] == "red"]
    assert any("fristName" in finding for finding in wrong)
    assert any("faxx" in finding for finding in wrong)


def test_the_clocks_of_both_systems_are_looked_at_for_every_workflow(
    run: Run, file: Path, document: Document, sandbox: Sandbox
) -> None:
    # Given ingress alone, and a clock of Campaign that is a minute behind
    file.write_text(dump(document))
    run("config", "apply", str(file))
    sandbox.ask("PUT", "/switches", {"campaign_clock_offset": -60})
    # When the doctor looks
    checks = {one["check"]: one for one in json.loads(run("doctor", "-o", "json").stdout)}
    # Then Dynamics is well, and of Campaign it is said how far it is from here, and what to do
    assert checks["Dynamics clock"]["colour"] == "green"
    found = checks["Campaign clock"]
    assert found["colour"] == "yellow"
    assert re.fullmatch(r"It is (59|60|61) s behind the clock of this machine, true to \d\.\d s\.", found["finding"])
    assert found["remedy"] == "Have the clock of this machine set right, by NTP."
    # And whether Campaign lets us write is not made out to be known
    assert checks["Campaign"]["finding"].endswith(
        "; whether it lets us write is not checked, since only a write tells."
    )


@pytest.mark.usefixtures("answering", "acknowledged")
def test_a_workflow_that_failed_is_red_with_the_reason_and_the_command(
    run: Run, file: Path, ingress: WorkflowStore
) -> None:
    # Given a workflow that runs, and then has failed
    run("config", "apply", str(file))
    run("workflow", "start", "ingress")
    assert colours(run)["ingress state"] == "green"
    ingress.lifecycle.fail(ingress.lifecycle.read().generation, "start-up checks", "Dynamics refuses the credentials")
    # When the doctor looks
    [found] = [one for one in json.loads(run("doctor", "-o", "json").stdout) if one["check"] == "ingress state"]
    # Then it is red, and says why and what to do
    assert re.fullmatch(r"It failed \d s ago: Dynamics refuses the credentials\.", found["finding"])
    assert (found["colour"], found["remedy"]) == (
        "red",
        "When that is mended, start it: d365acs workflow start ingress",
    )


def test_a_wrong_secret_and_a_silent_system_are_red_each_by_itself(
    run: Run, file: Path, document: Document, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a Dynamics secret that is wrong
    file.write_text(dump(document))
    run("config", "apply", str(file))
    monkeypatch.setenv(SECRETS["dynamics"], "another")
    # Then Dynamics is red, and Campaign is not
    found = colours(run)
    assert (found["Dynamics"], found["Campaign"]) == ("red", "green")
    # When nobody answers at all
    sandbox.stop()
    found = colours(run)
    # Then both are red, and the mapping is not judged
    assert (found["Dynamics"], found["Campaign"]) == ("red", "red")
    assert "ingress mapping" not in found


@pytest.mark.usefixtures("answering")
def test_frozen_systems_cost_seconds_and_are_told_before_they_are_asked(
    run: Run, file: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two systems that accept connections and never answer
    monkeypatch.setattr(systems, "SYSTEM_SECONDS", 0.5)
    monkeypatch.setenv("DYNAMICS_CLIENT_SECRET", "made-up")
    monkeypatch.setenv("CAMPAIGN_CLIENT_SECRET", "made-up")
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        url = f"http://127.0.0.1:{frozen.getsockname()[1]}"
        text = file.read_text().replace("https://contoso.crm.dynamics.test", url)
        text = text.replace("https://campaign.test", url)
        file.write_text(text.replace("client_secret:", f"token_url: {url}/token\n    client_secret:"))
        assert run("config", "apply", str(file)).exit_code == 0
        # When they are examined
        told: list[str] = []
        began = time.monotonic()
        checks = {check.name: check.colour for check in examine(settings, told.append)}
    # Then both are red within the time they were given, and it was said what was waited for
    assert time.monotonic() - began < 5
    assert (checks["Dynamics"], checks["Campaign"]) == ("red", "red")
    assert told[-2:] == ["Asking Dynamics, for 0.5 s at most.", "Asking Campaign, for 0.5 s at most."]
