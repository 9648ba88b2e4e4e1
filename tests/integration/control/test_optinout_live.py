"""What opt-in/out needs of the live systems: its pairs, filters, files and the workflow that exports them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.connections import Connections, SftpConnection
from config.document import Document, dump
from config.optinout import OptinoutConfig
from control.demo.sandbox import Sandbox, connections_to
from control.demo.stage import SECRETS
from tests.integration.control.conftest import Run
from tests.integration.control.demonstrated import know_secrets

PAIRS = [
    {"dynamics": "donotemail", "campaign": "blackListEmail"},
    {"dynamics": "donotphone", "campaign": "blackListPhone"},
]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox({"contacts": 5}, tmp_path_factory.mktemp("sandbox") / "sandbox.log")
    yield sandbox
    sandbox.stop()


@pytest.fixture
def connections(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Connections:
    """Those that opt-in/out may use, with their secrets."""
    know_secrets(sandbox, monkeypatch)
    sftp, key = sandbox.info["sftp"], tmp_path / "key"
    key.touch(0o600)
    key.write_text(sftp["private_key"])
    connection = SftpConnection(
        host=sftp["host"],
        port=int(sftp["port"]),
        user=sftp["user"],
        private_key=f"${{file:{key}}}",
        host_key=sftp["host_key"],
    )
    return connections_to(sandbox.info, SECRETS).model_copy(update={"sftp": connection})


def written(file: Path, connections: Connections, **given: Any) -> list[str]:
    """A file with opt-in/out alone: its lines."""
    optinout = OptinoutConfig.model_validate({"direction": "bidirectional", "flags": PAIRS, **given})
    text = dump(Document(connections=connections, optinout=optinout))
    file.write_text(text)
    return [line.strip() for line in text.splitlines()]


def test_a_file_that_fits_is_good(run: Run, file: Path, connections: Connections) -> None:
    written(file, connections, files={})
    result = run("config", "validate", str(file), "--live")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "The pairs of optinout are there in both live systems, and its sources answer.\n"


def test_a_column_whose_flag_stands_in_no_pair_is_told(run: Run, file: Path, connections: Connections) -> None:
    # Given columns for a pair, and for a flag that was meant for another one
    written(file, connections, files={"columns": {"flags": {"blackListEmail": "mail", "blackListFax": "phone"}}})
    result = run("config", "validate", str(file), "--live")
    # Then nothing is wrong, and nobody thinks that it is read
    assert result.exit_code == 0
    assert "blackListFax stands in no pair, so that its column is not read" in result.stderr.replace("\n", " ")
    assert "blackListEmail stands" not in result.stderr


def test_every_misfit_is_told_at_its_line(run: Run, file: Path, connections: Connections) -> None:
    # Given pairs, filters, a folder and a workflow that are not there
    pairs = [{"dynamics": "donotmail", "campaign": "blackListEmail"}, *PAIRS[1:]]
    lines = written(
        file,
        connections,
        flags=pairs,
        poll={"filter": "byChanged", "parameter": "p"},
        profile_key={"filter": "byId", "parameter": "p"},
        files={"folder": "nothing/here"},
        export_workflow={"id": "WKF9999"},
    )
    # When the file is held against the live systems
    result = run("config", "validate", str(file), "--live")
    # Then each misfit is a line of its own
    assert result.exit_code == 1
    told = [line.split(":", 3) for line in result.stdout.splitlines()]
    assert [(lines[int(number) - 1], path.strip()) for _, number, path, _ in told] == [
        ("sftp:", "connections.sftp"),
        (next(line for line in lines if "donotmail" in line), "optinout.flags.0.dynamics"),
        ("filter: byId", "optinout.profile_key.filter"),
        ("filter: byChanged", "optinout.poll.filter"),
        ("id: WKF9999", "optinout.export_workflow.id"),
    ]
    # And the mappings of a file are judged without it
    assert run("mapping", "validate", str(file)).stderr == "Nothing is mapped.\n"


def test_a_signal_that_the_workflow_does_not_have_is_told_with_those_it_has(
    run: Run, file: Path, connections: Connections
) -> None:
    # Given the right signal, and another one
    for signal in ("signal1", "signal9"):
        written(file, connections, files={}, export_workflow={"id": "WKF123", "signal": signal})
        result = run("config", "validate", str(file), "--live")
        # Then the one is good and the other one is told
        assert (result.exit_code, "no external signal signal9" in result.stdout) == (signal != "signal1",) * 2
    assert "External signals that are there: signal1." in result.stdout


@pytest.mark.parametrize(
    ("state", "start", "colour", "finding"),
    [
        ("started", True, "green", "The workflow WKF123 of Campaign runs."),
        (
            "stopped",
            True,
            "yellow",
            "The workflow WKF123 of Campaign is stopped; optinout starts it when it looks next.",
        ),
        ("stopped", False, "red", "The workflow WKF123 of Campaign is stopped, and no files are written."),
    ],
)
def test_the_doctor_looks_at_the_export_workflow_and_at_both_clocks(
    run: Run, file: Path, connections: Connections, sandbox: Sandbox, state: str, start: bool, colour: str, finding: str
) -> None:
    # Given a configuration that fits, and Campaign's workflow in some state
    written(file, connections, files={}, export_workflow={"id": "WKF123", "signal": "signal1", "start": start})
    assert run("config", "apply", str(file)).exit_code == 0
    sandbox.ask("PUT", "/consent/workflow", {"state": state})
    # When the doctor looks
    checks = {one["check"]: one for one in json.loads(run("doctor", "-o", "json").stdout)}
    # Then it says how that stands, and that the clocks are close
    assert (checks["optinout export"]["colour"], checks["optinout export"]["finding"]) == (colour, finding)
    assert checks["optinout pairs"]["colour"] == "green"
    assert checks["optinout clocks"]["colour"] == "green"
    assert checks["optinout rights"]["finding"] == "The application user may read and change every contact."
    assert re.fullmatch(
        r"Those of both systems are 0\.\d s apart, true to \d\.\d s\.", checks["optinout clocks"]["finding"]
    )
    assert checks["SFTP"]["colour"] == "green"


def test_the_doctor_tells_clocks_that_are_far_apart(
    run: Run, file: Path, connections: Connections, sandbox: Sandbox
) -> None:
    # Given Campaign's clock a minute ahead
    written(file, connections)
    assert run("config", "apply", str(file)).exit_code == 0
    sandbox.ask("PUT", "/switches", {"campaign_clock_offset": 60})
    # When the doctor looks, then it says so
    try:
        checks = {one["check"]: one for one in json.loads(run("doctor", "-o", "json").stdout)}
    finally:
        sandbox.ask("PUT", "/switches", {"campaign_clock_offset": 0})
    assert checks["optinout clocks"]["colour"] == "yellow"
    assert re.match(r"Campaign's clock is (59|60|61) s ahead of that of Dynamics", checks["optinout clocks"]["finding"])
