"""The export of logs as operators see it: whether it can work, and why it does not at present."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.connections import JournalConnection, LogExport, SftpConnection
from config.document import Document, dump
from config.egress import EgressConfig
from control.demo.sandbox import Sandbox, connections_to
from control.demo.stage import SECRETS
from store.store import WorkflowStore
from store.trouble import LOGS
from sync.workflow import document_of
from tests.integration.control.conftest import Run
from tests.integration.control.demonstrated import know_secrets


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox({"contacts": 5}, tmp_path_factory.mktemp("sandbox") / "sandbox.log")
    yield sandbox
    sandbox.stop()


@pytest.fixture
def key(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The private key for SFTP; the other secrets are in the environment."""
    know_secrets(sandbox, monkeypatch)
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_text(sandbox.info["sftp"]["private_key"])
    return path


def applied(run: Run, file: Path, sandbox: Sandbox, private_key: str, folder: str, source: str = "journal") -> None:
    """Egress, and logs that are exported."""
    given = sandbox.info["sftp"]
    known = {name: given[name] for name in ("host", "user", "host_key")}
    sftp = SftpConnection(**known, port=int(given["port"]), private_key=private_key, logs=LogExport(folder=folder))
    egress = EgressConfig.model_validate({"source": source})
    journal = JournalConnection(url=sandbox.info["journal"]["url"])
    connections = connections_to(sandbox.info, SECRETS).model_copy(update={"sftp": sftp, "journal": journal})
    file.write_text(dump(Document(connections=connections, egress=egress)))
    result = run("config", "apply", str(file))
    assert result.exit_code == 0, result.output


def checks(run: Run) -> dict[str, tuple[str, str]]:
    """By name: colour and finding."""
    return {one["check"]: (one["colour"], one["finding"]) for one in json.loads(run("doctor", "-o", "json").stdout)}


def there(sandbox: Sandbox) -> list[str]:
    return [file["path"] for file in sandbox.ask("GET", "/sftp/files")["value"]]


@pytest.mark.parametrize("source", ["journal", "files"])
def test_the_doctor_tries_the_folder_and_leaves_nothing_in_it(
    run: Run, file: Path, sandbox: Sandbox, key: Path, source: str
) -> None:
    # Given a folder that is there, whatever else the server is used for
    applied(run, file, sandbox, f"${{file:{key}}}", "d365_loads", source)
    assert checks(run)["Log export"] == ("green", "Files can be written to d365_loads.")
    # When it names one that is not there, then that can be made
    applied(run, file, sandbox, f"${{file:{key}}}", "d365_loads/logs", source)
    assert checks(run)["Log export"] == ("green", "d365_loads/logs is not there yet, and can be made.")
    assert there(sandbox) == []


def test_the_doctor_says_why_nothing_can_be_written(run: Run, file: Path, sandbox: Sandbox, key: Path) -> None:
    # Given a server that lets nobody in
    applied(run, file, sandbox, f"${{file:{key}}}", "d365_loads")
    sandbox.ask("PUT", "/switches", {"sftp_authentication": "refused"})
    colour, finding = checks(run)["Log export"]
    sandbox.ask("PUT", "/switches", {"sftp_authentication": "granted"})
    # Then the doctor has a warning with the reason, and no more: the workflow needs that server for nothing else
    assert colour == "yellow" and "does not let the user d365acs in with the key SHA256:" in finding


def test_a_key_that_this_shell_has_not_is_told_and_nothing_is_tried(run: Run, file: Path, sandbox: Sandbox) -> None:
    applied(run, file, sandbox, "${env:NOBODY_HAS_IT}", "d365_loads")
    found = checks(run)
    assert found["SFTP private key"][0] == "yellow" and "NOBODY_HAS_IT is not set" in found["SFTP private key"][1]
    assert "Log export" not in found


@pytest.mark.parametrize("command", ["ls", "show"])
def test_a_server_that_takes_no_logs_is_told_also_of_a_stopped_workflow(
    run: Run, file: Path, ingress: WorkflowStore, command: str
) -> None:
    # Given a stopped workflow whose logs could not be written for five minutes
    run("config", "apply", str(file))
    now_ms = ingress.now_ms()
    ingress.troubles.note(LOGS, "Campaign's SFTP server, no connection", now_ms - 300_000, now_ms)
    # Then that is told
    shown = json.loads(run("workflow", command, *(["ingress"] if command == "show" else []), "-o", "json").stdout)
    notes = shown["notes"] if command == "show" else next(one for one in shown if one["workflow"] == "ingress")["notes"]
    assert notes == [
        "ingress has waited for 5 min to write its logs to the SFTP server: Campaign's SFTP server, no connection."
    ]


def test_each_workflow_keeps_the_switch_also_one_that_needs_the_server_for_nothing_else(
    run: Run, file: Path, ingress: WorkflowStore, edited: Callable[[str, str], Path]
) -> None:
    # Given a file of ingress alone, with the SFTP server
    sftp = "  sftp: {host: h, user: u, private_key: '${env:K}', host_key: 'SHA256:" + "A" * 43 + "'LOGS}\n"
    edited("ingress:\n", sftp + "ingress:\n")
    edited("LOGS", ", logs: {folder: ours}")
    # When it is applied with the switch on, then the saved configuration has it
    assert run("config", "apply", str(file)).exit_code == 0
    found = document_of(ingress, ingress.revisions.newest())
    assert found and found.connections.sftp and found.connections.sftp.logs == LogExport(folder="ours")
    # When it is off, then nothing is left of a server that ingress does not use
    edited(", logs: {folder: ours}", "")
    assert run("config", "apply", str(file)).exit_code == 0
    found = document_of(ingress, ingress.revisions.newest())
    assert found and found.connections.sftp is None
