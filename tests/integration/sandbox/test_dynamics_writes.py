"""Writes to the pretend Dataverse: conditions, validation, alternate keys, limits."""

import uuid
from typing import Any

import pytest
import requests

from tests.sandboxes import Sandbox


def send(sandbox: Sandbox, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
    url = f"{sandbox.dynamics_api}/{path}"
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.request(method, url, json=body, headers={**sandbox.dynamics_headers(), **given}, timeout=10)


def test_a_created_row_is_named_in_a_header(sandbox: Sandbox) -> None:
    answer = send(sandbox, "POST", "contacts", {"firstname": "Ann", "lastname": "Example"})
    assert (answer.status_code, answer.content) == (204, b"")
    row_id = answer.headers["OData-EntityId"].partition("(")[2].rstrip(")")
    assert answer.headers["OData-EntityId"] == f"{sandbox.dynamics_api}/contacts({row_id})"
    row = sandbox.admin.contacts()[row_id]
    assert (row["fullname"], row["statecode"], row["donotemail"]) == ("Ann Example", 0, False)


@pytest.mark.parametrize(
    ("method", "header", "value", "if_there", "if_missing"),
    [
        ("PATCH", "", "", 204, 204),
        ("PATCH", "If_Match", "*", 204, 404),
        ("PATCH", "If_None_Match", "*", 412, 204),
        ("PATCH", "If_Match", "current", 204, 404),
        ("PATCH", "If_Match", 'W/"1"', 412, 404),
        ("DELETE", "If_Match", "*", 204, 404),
        ("DELETE", "If_Match", 'W/"1"', 412, 404),
    ],
)
def test_conditions_decide_between_update_create_and_refusal(
    sandbox: Sandbox, method: str, header: str, value: str, if_there: int, if_missing: int
) -> None:
    row_id, row = next(iter(sandbox.admin.contacts().items()))
    condition = {header: value.replace("current", f'W/"{row["versionnumber"]}"')} if header else {}
    body = {"jobtitle": "CTO"} if method == "PATCH" else None
    assert send(sandbox, method, f"contacts({row_id})", body, **condition).status_code == if_there
    assert send(sandbox, method, f"contacts({uuid.uuid4()})", body, **condition).status_code == if_missing


def test_representation_tells_an_upsert_that_creates_from_one_that_updates(sandbox: Sandbox) -> None:
    body = {"name": "Northwind"}
    first = send(sandbox, "PATCH", "accounts(accountnumber='N-1')", body, Prefer="return=representation")
    second = send(sandbox, "PATCH", "accounts(accountnumber='N-1')", body, Prefer="return=representation")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["accountnumber"] == "N-1"
    assert second.headers["Preference-Applied"] == "return=representation"
    assert first.json()["accountid"] == second.json()["accountid"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"firstname": "x" * 51}, 400, "0x80044331"),
        ({"gendercode": 9}, 400, "0x8004431a"),
        ({"gendercode": "1"}, 400, "0x80048d19"),
        ({"numberofchildren": -1}, 400, "0x8004432f"),
        ({"birthdate": "1980-05-07T00:00:00Z"}, 400, "0x80048d19"),
        ({"nosuch": 1}, 400, "0x80048d19"),
        ({"_parentcustomerid_value": str(uuid.UUID(int=1))}, 400, "0x80060888"),
        ({"parentcustomerid_account@odata.bind": f"/accounts({uuid.UUID(int=1)})"}, 404, "0x80040217"),
        ({"nosuchnav@odata.bind": "/accounts(1)"}, 400, "0x80048d19"),
        ({"statecode": 1, "statuscode": 1}, 400, "0x80048408"),
    ],
)
def test_refused_values_have_their_code(sandbox: Sandbox, body: dict[str, Any], status: int, code: str) -> None:
    row_id, before = next(iter(sandbox.admin.contacts().items()))
    answer = send(sandbox, "PATCH", f"contacts({row_id})", body, If_Match="*")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert sandbox.admin.get(f"/dynamics/contacts/{row_id}") == before


def test_a_taken_primary_key_and_a_taken_alternate_key_are_412(sandbox: Sandbox) -> None:
    contact_id = next(iter(sandbox.admin.contacts()))
    accounts = sandbox.admin.get("/dynamics/accounts")["value"]
    same_id = send(sandbox, "POST", "contacts", {"contactid": contact_id})
    same_key = send(sandbox, "POST", "accounts", {"name": "N", "accountnumber": accounts[0]["accountnumber"]})
    assert (same_id.status_code, same_id.json()["error"]["code"]) == (412, "0x80040237")
    assert (same_key.status_code, same_key.json()["error"]["code"]) == (412, "0x80060892")


def test_setting_the_state_picks_its_status_and_a_bind_sets_the_lookup(sandbox: Sandbox) -> None:
    row_id = next(key for key, row in sandbox.admin.contacts().items() if row["statecode"] == 0)
    account = sandbox.admin.get("/dynamics/accounts")["value"][0]
    bind = {"parentcustomerid_account@odata.bind": f"/accounts(accountnumber='{account['accountnumber']}')"}
    assert send(sandbox, "PATCH", f"contacts({row_id})", {"statecode": 1, **bind}, If_Match="*").status_code == 204
    row = sandbox.admin.get(f"/dynamics/contacts/{row_id}")
    assert (row["statecode"], row["statuscode"]) == (1, 2)
    assert row["_parentcustomerid_value"] == row["_accountid_value"] == account["accountid"]


def test_bulk_creation_is_all_or_nothing(sandbox: Sandbox) -> None:
    kind = {"@odata.type": "Microsoft.Dynamics.CRM.contact"}
    path = "contacts/Microsoft.Dynamics.CRM.CreateMultiple"
    good = send(sandbox, "POST", path, {"Targets": [{**kind, "lastname": "A"}, {**kind, "lastname": "B"}]})
    count = len(sandbox.admin.contacts())
    bad = send(sandbox, "POST", path, {"Targets": [{**kind, "lastname": "C"}, {**kind, "nosuch": 1}]})
    assert len(good.json()["Ids"]) == 2
    assert bad.status_code == 400
    assert len(sandbox.admin.contacts()) == count


def test_bulk_delete_removes_the_named_rows(sandbox: Sandbox) -> None:
    ids = list(sandbox.admin.contacts())[:3]
    values = [{"Value": row_id, "Type": "System.Guid"} for row_id in ids[:2]]
    condition = {"AttributeName": "contactid", "Operator": "In", "Values": values}
    query = {"EntityName": "contact", "Criteria": {"FilterOperator": "And", "Conditions": [condition]}}
    answer = send(sandbox, "POST", "BulkDelete", {"QuerySet": [query], "JobName": "test"})
    assert answer.json()["JobId"]
    assert sandbox.admin.contacts().keys() & set(ids) == {ids[2]}


def test_the_request_limit_answers_429_until_the_window_has_moved_on(sandbox: Sandbox) -> None:
    # Given a limit of three requests
    sandbox.admin.put("/switches", {"service_protection": True, "limit_requests": 3})
    statuses = [send(sandbox, "GET", "WhoAmI").status_code for _ in range(3)]
    # When a fourth one comes
    refused = send(sandbox, "GET", "WhoAmI")
    # Then it is told to wait, longer if it presses, and after the window all is well
    assert statuses == [200, 200, 200]
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "0x80072322")
    message = "Number of requests exceeded the limit of 3 over time window of 300 seconds."
    assert refused.json()["error"]["message"] == message
    wait = int(refused.headers["Retry-After"])
    assert 290 <= wait <= 301
    assert int(send(sandbox, "GET", "WhoAmI").headers["Retry-After"]) >= wait
    sandbox.admin.post("/clock", {"advance": 301})
    assert send(sandbox, "GET", "WhoAmI").status_code == 200


def test_the_execution_time_limit_counts_slow_answers(sandbox: Sandbox) -> None:
    sandbox.admin.put("/switches", {"service_protection": True, "limit_execution_seconds": 0.05})
    sandbox.admin.put("/faults", {"dynamics": {"latency_ms": 60}})
    assert send(sandbox, "GET", "WhoAmI").status_code == 200
    refused = send(sandbox, "GET", "WhoAmI")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "0x80072321")


def test_the_concurrency_limit_has_a_short_wait(sandbox: Sandbox) -> None:
    sandbox.admin.put("/switches", {"service_protection": True, "limit_concurrent": 0})
    refused = send(sandbox, "GET", "WhoAmI")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "0x80072326")
    assert refused.headers["Retry-After"] == "2"
