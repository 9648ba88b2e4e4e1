"""Batches when everything goes wrong: limits, faults of the whole batch, faults of single operations."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.integration.sandbox.batch_client import ON, answers, change_set, operation, post
from tests.integration.sandbox.dataverse_client import Dataverse
from tests.sandboxes import Sandbox

Creates = Callable[[int], list[str]]


@pytest.fixture
def dataverse(sandbox: Sandbox) -> Dataverse:
    return Dataverse(sandbox)


@pytest.fixture
def creates(sandbox: Sandbox) -> Creates:
    contact = next(iter(sandbox.admin.contacts()))
    bind = {"regardingobjectid_contact_adobe_emailsend@odata.bind": f"/contacts({contact})"}

    def some(count: int) -> list[str]:
        return [
            operation("PATCH", f"adobe_emailsends({uuid.uuid4()})", {"subject": str(n), **bind}, If_None_Match="*")
            for n in range(count)
        ]

    return some


def created(sandbox: Sandbox) -> int:
    return int(sandbox.admin.get("/dynamics/activities/counts")["created"])


def test_a_batch_counts_once_among_the_requests(sandbox: Sandbox, dataverse: Dataverse, creates: Creates) -> None:
    # Given room for two requests
    sandbox.admin.put("/switches", {"service_protection": True, "limit_requests": 2})
    assert [post(dataverse, *creates(50)).status_code for _ in range(2)] == [200, 200]
    # When a third batch comes
    refused = post(dataverse, *creates(50))
    # Then it is refused whole, and told how long to wait
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "0x80072322")
    assert int(refused.headers["Retry-After"]) >= 290
    assert created(sandbox) == 100


def test_the_execution_time_of_its_operations_adds_up(sandbox: Sandbox, dataverse: Dataverse, creates: Creates) -> None:
    # Given ten seconds of execution, of which each operation takes a tenth of a second
    limits = {"service_protection": True, "limit_execution_seconds": 10.0, "operation_seconds": 0.1}
    sandbox.admin.put("/switches", limits)
    first = post(dataverse, *creates(90))
    second = post(dataverse, *creates(20))
    # When one more batch comes
    refused = post(dataverse, *creates(1))
    # Then the window has no time left
    left = [float(one.headers["x-ms-ratelimit-time-remaining-xrm-requests"]) for one in (first, second, refused)]
    assert (first.status_code, second.status_code) == (200, 200)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "0x80072321")
    assert left[0] == 10.0 and left[1] <= 1.0 and left[2] == 0.0
    assert created(sandbox) == 110


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_refused_batch_has_no_effect_and_is_not_multipart(
    sandbox: Sandbox, dataverse: Dataverse, creates: Creates, status: int
) -> None:
    sandbox.admin.put("/faults", {"dynamics": {f"rate_{status}": 1, "retry_after": 7}})
    response = post(dataverse, *creates(3), prefer=ON)
    assert response.status_code == status
    assert not response.headers["Content-Type"].startswith("multipart/")
    assert created(sandbox) == 0


@pytest.mark.parametrize(
    ("kind", "effect"),
    [("timeout_before", 0), ("timeout_after", 3), ("reset", 0), ("reset_after", 3), ("truncated", 3)],
)
def test_a_torn_batch_leaves_its_caller_without_an_answer_whatever_was_done(
    sandbox: Sandbox, dataverse: Dataverse, creates: Creates, kind: str, effect: int
) -> None:
    sandbox.admin.put("/faults", {"dynamics": {f"rate_{kind}": 1, "hold_seconds": 0.05}})
    with pytest.raises((requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        post(dataverse, *creates(3), prefer=ON)
    assert created(sandbox) == effect


def test_a_malformed_batch_ends_in_the_middle_though_all_of_it_was_done(
    sandbox: Sandbox, dataverse: Dataverse, creates: Creates
) -> None:
    sandbox.admin.put("/faults", {"dynamics": {"rate_malformed": 1}})
    response = post(dataverse, *creates(8), prefer=ON)
    boundary = response.headers["Content-Type"].partition("boundary=")[2]
    assert (response.status_code, f"--{boundary}--" in response.text) == (200, False)
    assert 0 < response.text.count("HTTP/1.1 204") < 8
    assert created(sandbox) == 8


def test_an_answer_can_be_late_after_the_effect(sandbox: Sandbox, dataverse: Dataverse, creates: Creates) -> None:
    sandbox.admin.put("/faults", {"dynamics": {"latency_after_ms": 60_000}})
    with pytest.raises(requests.exceptions.ReadTimeout):
        post(dataverse, *creates(3), timeout=0.5)
    assert created(sandbox) == 3


@pytest.mark.parametrize(
    ("kind", "status", "code", "effect"),
    [
        ("operation_429", 429, "0x80072322", False),
        ("operation_500", 500, "0x80040216", False),
        ("operation_500_after", 500, "0x80040216", True),
    ],
)
def test_single_operations_fail_inside_a_batch(
    sandbox: Sandbox, dataverse: Dataverse, creates: Creates, kind: str, status: int, code: str, effect: bool
) -> None:
    # Given that a third of the operations fail
    sandbox.admin.put("/faults", {"seed": 3, "dynamics": {f"rate_{kind}": 0.3}})
    parts = answers(post(dataverse, *creates(60), prefer=ON))
    # Then these have the error, the others their effect, and an error can come after the effect
    bad = [part for part in parts if part.status != 204]
    assert 5 < len(bad) < 40
    assert {(part.status, part.code) for part in bad} == {(status, code)}
    assert created(sandbox) == (60 if effect else 60 - len(bad))
    assert sandbox.admin.get("/faults")["dynamics"]["dealt"] == {kind: len(bad)}
    # And a request that is no batch meets none of it
    assert dataverse.send("GET", "WhoAmI").status_code == 200


def test_a_failing_operation_takes_its_change_set_along(
    sandbox: Sandbox, dataverse: Dataverse, creates: Creates
) -> None:
    sandbox.admin.put("/faults", {"dynamics": {"rate_operation_500_after": 1}})
    member = operation("POST", "adobe_emailsends", {"subject": "x"}, "1")
    response = post(dataverse, change_set(member), *creates(1), prefer=ON)
    assert [part.status for part in answers(response)] == [500, 500]
    assert created(sandbox) == 1


def test_the_same_seed_fails_the_same_operations(sandbox: Sandbox, dataverse: Dataverse, creates: Creates) -> None:
    plan: dict[str, Any] = {"seed": 5, "dynamics": {"rate_operation_500": 0.2, "rate_operation_429": 0.2}}

    def run() -> list[int]:
        sandbox.admin.put("/faults", plan)
        return [part.status for part in answers(post(dataverse, *creates(40), prefer=ON))]

    first = run()
    assert first == run()
    assert set(first) == {204, 429, 500}


def test_operation_rates_add_up_to_one_at_most(sandbox: Sandbox) -> None:
    plan = {"dynamics": {"rate_operation_500": 0.6, "rate_operation_429": 0.6}}
    answer = requests.put(sandbox.info["admin"]["url"] + "/faults", json=plan, timeout=10)
    assert answer.status_code == 400
    assert "add up to more than 1" in answer.json()["error"]
