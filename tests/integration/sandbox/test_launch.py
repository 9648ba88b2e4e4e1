"""Starting and ending: one JSON line when everything answers, a clean end on a signal."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import yaml

from config.load import load
from sandbox.imports.settings import ImportSettings
from sandbox.switches import Switches
from tests.sandboxes import ROOT

EXAMPLES = ROOT / "docs/examples"
REHEARSAL = ROOT / "docs/first-loads.md"


def launch(*arguments: str, cwd: Path = ROOT) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "sandbox", "up", "--contacts", "20", "--accounts", "2", *arguments]
    found = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=cwd, env=found, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process: "subprocess.Popen[str]", number: signal.Signals) -> tuple[int, str, str]:
    process.send_signal(number)
    rest, errors = process.communicate(timeout=30)
    return process.returncode, rest, errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_prints_one_json_line_and_ends_cleanly_on_a_signal(number: signal.Signals) -> None:
    # Given a sandbox started with -o json
    process = launch("-o", "json")
    assert process.stdout is not None
    # When its line is read and every address in it is asked at once
    info = json.loads(process.stdout.readline())
    answered = [
        requests.post(info["dynamics"]["token_url"], timeout=10).status_code,
        requests.get(info["dynamics"]["url"] + "/api/data/v9.2/", timeout=10).status_code,
        requests.post(info["campaign"]["token_url"], timeout=10).status_code,
        requests.get(info["campaign"]["url"] + "/campaign/profileAndServices/profile", timeout=10).status_code,
        requests.get(info["admin"]["url"] + "/clock", timeout=10).status_code,
        requests.get(info["journal"]["url"], timeout=10).status_code,
    ]
    with socket.create_connection((info["sftp"]["host"], int(info["sftp"]["port"]))) as greeted:
        greeting = greeted.recv(8)
    # Then all servers answer, the members are the promised ones, nothing else was printed, and the end is silent
    assert answered == [400, 401, 400, 403, 200, 403]
    assert greeting == b"SSH-2.0-"
    assert info["dynamics"].keys() == {"url", "tenant", "client_id", "client_secret", "token_url"}
    assert info["campaign"].keys() == {"url", "organization", "client_id", "client_secret", "org_id", "token_url"}
    assert info["journal"].keys() == {"url", "org_id", "client_id", "client_secret", "token_url"}
    assert info["sftp"].keys() == {"host", "port", "user", "private_key", "host_key"}
    assert info["campaign"]["url"].endswith("/" + info["campaign"]["organization"])
    assert end(process, number) == (0, "", "")


def test_ends_cleanly_while_an_answer_is_held_back() -> None:
    # Given a request that the sandbox holds for a minute
    process = launch("-o", "json")
    assert process.stdout is not None
    info = json.loads(process.stdout.readline())
    faults = {"dynamics": {"rate_timeout_before": 1, "hold_seconds": 60}}
    requests.put(info["admin"]["url"] + "/faults", json=faults, timeout=10)
    host, port = info["dynamics"]["url"].removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as waiting:
        waiting.sendall(b"GET /api/data/v9.2/ HTTP/1.1\r\nHost: x\r\n\r\n")
        while requests.get(info["admin"]["url"] + "/calls", timeout=10).json()["dynamics"].get("GET") != 1:
            pass
        # When it is told to end, then it does, without a word
        assert end(process, signal.SIGTERM) == (0, "", "")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_uses_the_ports_from_port_base_on_and_names_a_taken_one() -> None:
    # Given seven ports in a row that are free just now
    base = next(base for base in range(21_000, 29_000, 7) if all(is_free(base + number) for number in range(7)))
    first = launch("-o", "json", "--port-base", str(base))
    assert first.stdout is not None
    info = json.loads(first.stdout.readline())
    # When a second one wants the same ports
    second = launch("--port-base", str(base))
    _, errors = second.communicate(timeout=30)
    # Then the first has them and the second says what is wrong
    assert info["dynamics"]["url"] == f"http://127.0.0.1:{base}"
    assert info["admin"]["url"] == f"http://127.0.0.1:{base + 4}"
    assert info["journal"]["url"].startswith(f"http://127.0.0.1:{base + 5}/")
    assert info["sftp"]["port"] == str(base + 6)
    assert second.returncode == 1
    assert f"A port from {base} on is taken" in errors
    assert end(first, signal.SIGTERM)[0] == 0


def test_serves_https_with_a_certificate_that_clients_can_check(tmp_path: Path) -> None:
    # Given a sandbox with TLS
    process = launch("-o", "json", "--tls", str(tmp_path))
    assert process.stdout is not None
    info = json.loads(process.stdout.readline())
    url = info["dynamics"]["url"]
    # When a client trusts its certificate, and another does not
    status = requests.get(url + "/api/data/v9.2/", verify=str(tmp_path / "certificate.pem"), timeout=10).status_code
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(url + "/api/data/v9.2/", timeout=10)
    # Then only the first got through
    assert url.startswith("https://")
    assert status == 401
    assert end(process, signal.SIGTERM)[0] == 0


def test_an_unknown_switch_is_a_usage_error() -> None:
    process = launch("--switch", "no_such_switch=1")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "no_such_switch is not a switch" in errors


def test_a_person_gets_the_secrets_last_as_lines_to_paste_and_the_key_in_a_file(tmp_path: Path) -> None:
    # Given a sandbox that writes the SFTP key to a file, whose name a shell would take apart
    key = tmp_path / "my key"
    process = launch("--sftp-key", key.name, cwd=tmp_path)
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith("export SFTP_PRIVATE_KEY="):
        lines.append(process.stdout.readline())
    assert end(process, signal.SIGTERM) == (0, "", "")
    # Then the lines give a shell anywhere the secrets that stand above, and the key
    told = dict(line.strip().split(": ", 1) for line in lines if ".client_secret: " in line)
    shown = '"$DYNAMICS_CLIENT_SECRET" "$CAMPAIGN_CLIENT_SECRET" "$SFTP_PRIVATE_KEY"'
    command = "".join(lines[-3:]) + f'printf "%s %s %s\\n" {shown}'
    shell = subprocess.run(["sh", "-c", command], cwd="/", capture_output=True, text=True, check=True)
    secrets = f"{told['dynamics.client_secret']} {told['campaign.client_secret']}"
    assert shell.stdout == f"{secrets} {key.read_text()}"
    # And the key is its owner's alone
    assert (key.stat().st_mode & 0o777, key.read_text()[:15]) == (0o600, "-----BEGIN OPEN")


def test_its_help_names_the_command_that_was_typed() -> None:
    program = [sys.executable, "-c", "from cli.main import main; main()", "sandbox", "up", "--help"]
    told = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told.startswith("Usage: d365acs sandbox up [OPTIONS]\n")
    # And it ends with an example
    head, _, example = told.rpartition("\nExample:\n")
    assert "--sftp-key" in head and all(line.startswith("  d365acs sandbox up ") for line in example.splitlines())


def test_the_examples_for_a_rehearsal_fit_what_the_sandbox_says_of_itself() -> None:
    # Given the examples, and the addresses, ids and keys of a sandbox on other ports
    names = ("sandbox.yaml", "sandbox-imports.yaml", "every-feature.yaml")
    examples = [yaml.safe_load((EXAMPLES / name).read_text())["connections"] for name in names]
    process = launch("-o", "json", "--contacts", "1")
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    assert end(process, signal.SIGTERM)[0] == 0
    # Then they are the same but for the ports, which are those from 9000 on
    ports = set()
    for system, name, value in (
        (system, *setting)
        for example in examples
        for system, settings in example.items()
        for setting in settings.items()
    ):
        if name == "port":
            ports.add((system, name, value))
        elif name in ("url", "token_url"):
            here, there = urlsplit(value), urlsplit(told[system][name])
            assert here._replace(netloc="") == there._replace(netloc=""), name
            ports.add((system, name, here.port))
        elif name not in ("client_secret", "private_key"):
            assert value == told[system][name], name
    addresses = [("dynamics", "url"), ("dynamics", "token_url"), ("campaign", "url"), ("campaign", "token_url")]
    numbered = [*zip(addresses, range(9000, 9004), strict=True), (("journal", "url"), 9005), (("sftp", "port"), 9006)]
    assert ports == {(*address, number) for address, number in numbered}


def test_the_rehearsal_of_imports_has_contacts_enough_for_a_file_and_names_a_workflow_that_is_there() -> None:
    # Given the command and the mapping of the example
    text = (EXAMPLES / "sandbox-imports.yaml").read_text()
    contacts = int(re.findall(r"sandbox up .*--contacts (\d+)", text)[0])
    ingress = load(text, "sandbox-imports.yaml").ingress
    assert ingress is not None
    (mapping,) = ingress.tables
    assert mapping.file_import is not None
    # Then half of them may be written singly before the file is made, and the sandbox's own workflow takes it
    assert mapping.file_import.threshold * 2 <= contacts
    settings = ImportSettings.from_json(Switches().import_workflows[mapping.file_import.workflow])
    assert (settings.resource, settings.signal) == (mapping.resource, mapping.file_import.signal)
    # And the page says the same command
    assert f"d365acs sandbox up --port-base 9000 --contacts {contacts} --sftp-key" in REHEARSAL.read_text()
