"""Faults on demand: each kind does what it says, and the same seed deals out the same faults."""

import socket
import time
from typing import Any

import pytest
import requests

from tests.sandboxes import Sandbox


def write(sandbox: Sandbox, headers: dict[str, str], key: str, timeout: float = 10) -> requests.Response:
    return requests.post(sandbox.profiles_api, json={"externalId": key}, headers=headers, timeout=timeout)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_refusal_comes_before_the_effect(sandbox: Sandbox, status: int) -> None:
    headers, dynamics = sandbox.campaign_headers(), sandbox.dynamics_headers()
    plan = {f"rate_{status}": 1, "retry_after": 7}
    sandbox.admin.put("/faults", {"campaign": plan, "dynamics": plan, "tokens": plan})
    answer = write(sandbox, headers, "k-1")
    assert answer.status_code == status
    assert answer.headers["Retry-After"] == "7" or status == 500
    assert sandbox.admin.profiles() == []
    assert requests.get(sandbox.dynamics_api + "/WhoAmI", headers=dynamics, timeout=10).status_code == status
    assert requests.post(sandbox.info["dynamics"]["token_url"], timeout=10).status_code == status


@pytest.mark.parametrize(("kind", "written"), [("timeout_before", 0), ("timeout_after", 1)])
def test_a_timeout_keeps_the_caller_waiting_before_or_after_the_effect(
    sandbox: Sandbox, kind: str, written: int
) -> None:
    headers = sandbox.campaign_headers()
    sandbox.admin.put("/faults", {"campaign": {f"rate_{kind}": 1, "hold_seconds": 5}})
    with pytest.raises(requests.exceptions.ReadTimeout):
        write(sandbox, headers, "k-1", timeout=0.2)
    assert len(sandbox.admin.profiles()) == len(sandbox.admin.get("/journal")) == written


def test_a_held_answer_ends_in_a_torn_connection(sandbox: Sandbox) -> None:
    headers = sandbox.campaign_headers()
    sandbox.admin.put("/faults", {"campaign": {"rate_timeout_before": 1, "hold_seconds": 0.05}})
    started = time.monotonic()
    with pytest.raises(requests.exceptions.ConnectionError):
        write(sandbox, headers, "k-1")
    assert time.monotonic() - started >= 0.05


@pytest.mark.parametrize(("kind", "written"), [("reset", 0), ("reset_after", 1)])
def test_a_torn_connection_leaves_no_answer_at_all(sandbox: Sandbox, kind: str, written: int) -> None:
    headers = sandbox.campaign_headers()
    sandbox.admin.put("/faults", {"campaign": {f"rate_{kind}": 1}})
    with pytest.raises(requests.exceptions.ConnectionError):
        write(sandbox, headers, "k-1")
    assert len(sandbox.admin.profiles()) == written


def test_a_truncated_answer_announces_more_than_it_sends(sandbox: Sandbox) -> None:
    # Given a raw connection
    headers = sandbox.campaign_headers()
    sandbox.admin.put("/faults", {"campaign": {"rate_truncated": 1}})
    host, port = sandbox.info["campaign"]["url"].removeprefix("http://").partition("/")[0].split(":")
    path = sandbox.profiles_api.partition(port)[2]
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    # When a page is asked for
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    # Then the connection ends in the middle of the body
    head, _, body = received.partition(b"\r\n\r\n")
    announced = next(int(line.split(b": ")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
    assert 0 < len(body) < announced


def test_a_slow_answer_comes_whole_and_its_end_late(sandbox: Sandbox) -> None:
    headers = sandbox.campaign_headers()
    sandbox.admin.put("/faults", {"campaign": {"rate_slow": 1, "slow_seconds": 0.1}})
    started = time.monotonic()
    answer = write(sandbox, headers, "k-1")
    assert time.monotonic() - started >= 0.1
    assert (answer.status_code, answer.json()["externalId"]) == (201, "k-1")
    assert len(sandbox.admin.profiles()) == 1


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_malformed_answer_is_complete_and_no_json(sandbox: Sandbox, method: str) -> None:
    headers = sandbox.campaign_headers()
    write(sandbox, headers, "k-0")
    sandbox.admin.put("/faults", {"campaign": {"rate_malformed": 1}})
    url = sandbox.profiles_api + ("/k-0" if method == "DELETE" else "")
    answer = requests.request(method, url, json={"externalId": "k-1"}, headers=headers, timeout=10)
    assert answer.ok
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()
    assert [entry["method"] for entry in sandbox.admin.get("/journal")] == ["POST", method]


def test_an_expired_token_stays_expired(sandbox: Sandbox) -> None:
    headers = sandbox.campaign_headers()
    sandbox.admin.put("/faults", {"campaign": {"rate_expired_token": 1}})
    assert write(sandbox, headers, "k-1").status_code == 401
    sandbox.admin.put("/faults", {})
    assert write(sandbox, headers, "k-1").status_code == 401
    assert write(sandbox, sandbox.campaign_headers(), "k-1").status_code == 201


def test_latency_delays_every_answer(sandbox: Sandbox) -> None:
    headers = sandbox.dynamics_headers()
    sandbox.admin.put("/faults", {"dynamics": {"latency_ms": 80}})
    started = time.monotonic()
    assert requests.get(sandbox.dynamics_api + "/WhoAmI", headers=headers, timeout=10).status_code == 200
    assert time.monotonic() - started >= 0.08


def test_the_same_seed_deals_out_the_same_faults(sandbox: Sandbox) -> None:
    headers = sandbox.dynamics_headers()
    plan = {"seed": 9, "dynamics": {"rate_429": 0.2, "rate_500": 0.2, "rate_503": 0.2}}

    def run() -> list[int]:
        sandbox.admin.put("/faults", plan)
        url = sandbox.dynamics_api + "/WhoAmI"
        return [requests.get(url, headers=headers, timeout=10).status_code for _ in range(40)]

    first = run()
    assert first == run()
    assert set(first) == {200, 429, 500, 503}
    assert sandbox.admin.get("/faults")["dynamics"]["dealt"] == {
        str(status): first.count(status) for status in dict.fromkeys(first) if status != 200
    }


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        ({"dynamics": {"rate_418": 1}}, "dynamics.rate_418 is not a fault"),
        ({"campaign": {"rate_429": 0.6, "rate_500": 0.6}}, "add up to more than 1"),
        ({"mars": {}}, "mars is not a system"),
    ],
)
def test_a_wrong_plan_is_refused_with_a_sentence(sandbox: Sandbox, plan: dict[str, Any], text: str) -> None:
    answer = requests.put(sandbox.info["admin"]["url"] + "/faults", json=plan, timeout=10)
    assert answer.status_code == 400
    assert text in answer.json()["error"]
