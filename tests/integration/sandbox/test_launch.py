"""Starting and ending: one JSON line when everything answers, a clean end on a signal."""

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import yaml

from tests.sandboxes import ROOT


def launch(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "sandbox", "up", "--contacts", "20", "--accounts", "2", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


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
    # Given a sandbox that writes the SFTP key to a file
    key = tmp_path / "key"
    process = launch("--sftp-key", str(key))
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith("export CAMPAIGN_CLIENT_SECRET="):
        lines.append(process.stdout.readline())
    assert end(process, signal.SIGTERM) == (0, "", "")
    # Then the lines give a shell the secrets that stand above
    told = dict(line.strip().split(": ", 1) for line in lines if ".client_secret: " in line)
    command = "".join(lines[-2:]) + 'printf "%s %s" "$DYNAMICS_CLIENT_SECRET" "$CAMPAIGN_CLIENT_SECRET"'
    shell = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert shell.stdout == f"{told['dynamics.client_secret']} {told['campaign.client_secret']}"
    # And the key is its owner's alone
    assert (key.stat().st_mode & 0o777, key.read_text()[:15]) == (0o600, "-----BEGIN OPEN")


def test_its_help_names_the_command_that_was_typed() -> None:
    program = [sys.executable, "-c", "from cli.main import main; main()", "sandbox", "up", "--help"]
    told = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told.startswith("Usage: d365acs sandbox up [OPTIONS]\n")
    # And it ends with an example
    head, _, example = told.rpartition("\nExample:\n")
    assert "--sftp-key" in head and all(line.startswith("  d365acs sandbox up ") for line in example.splitlines())


def test_the_example_for_a_rehearsal_fits_what_the_sandbox_says_of_itself() -> None:
    # Given the example, and the addresses and ids of a sandbox on other ports
    example = yaml.safe_load((ROOT / "docs/examples/sandbox.yaml").read_text())["connections"]
    process = launch("-o", "json", "--contacts", "1")
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    assert end(process, signal.SIGTERM)[0] == 0
    ports = {name: int(urlsplit(told[name]["url"]).port or 0) for name in ("dynamics", "campaign", "journal")}
    assert len(set(ports.values())) == 3
    # Then they are the same but for the ports, which are those from 9000 on
    for system, settings in example.items():
        for name, value in settings.items():
            if "secret" not in name:
                there = urlsplit(told[system][name])
                assert urlsplit(value)._replace(netloc="") == there._replace(netloc=""), name
    urls = [example["dynamics"]["url"], example["dynamics"]["token_url"], example["campaign"]["url"]]
    urls += [example["campaign"]["token_url"], example["journal"]["url"]]
    assert [urlsplit(url).port for url in urls] == [9000, 9001, 9002, 9003, 9005]
