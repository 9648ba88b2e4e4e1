"""`$batch` of the pretend Dataverse: envelopes, operations in order, change sets, references."""

import json
import uuid
from typing import Any

import pytest

from tests.integration.sandbox.batch_client import BOUNDARY, ON, answers, change_set, operation, post, post_raw
from tests.integration.sandbox.dataverse_client import Dataverse
from tests.sandboxes import Sandbox

HERE = "/api/data/v9.2"


@pytest.fixture
def dataverse(sandbox: Sandbox) -> Dataverse:
    return Dataverse(sandbox)


@pytest.fixture
def contact(sandbox: Sandbox) -> str:
    return next(iter(sandbox.admin.contacts()))


def send_of(contact: str, row_id: str, subject: str = "x") -> str:
    """One activity, created if absent, as a part."""
    body = {"subject": subject, "regardingobjectid_contact_adobe_emailsend@odata.bind": f"/contacts({contact})"}
    return operation("PATCH", f"{HERE}/adobe_emailsends({row_id})", body, If_None_Match="*")


def subjects(sandbox: Sandbox) -> list[str]:
    return [str(row["subject"]) for row in sandbox.admin.get("/dynamics/tables/adobe_emailsend")["value"]]


def refused(answer: Any) -> tuple[int, str, str]:
    """(status, code, text) of a batch that was refused as a whole: JSON, not multipart."""
    assert answer.headers["Content-Type"].startswith("application/json")
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


def test_operations_are_answered_in_their_order_as_if_they_had_come_alone(
    sandbox: Sandbox, dataverse: Dataverse, contact: str
) -> None:
    # Given reads, creates, an update and a deletion in one batch
    row_id = str(uuid.uuid4())
    response = post(
        dataverse,
        operation("GET", f"{HERE}/contacts?$select=fullname&$top=1", Accept="application/json"),
        operation("POST", f"{HERE}/accounts", {"name": "Northwind"}),
        send_of(contact, row_id),
        operation("PATCH", f"{HERE}/contacts({contact})", {"jobtitle": "CTO"}, If_Match="*"),
        operation("DELETE", f"{HERE}/adobe_emailsends({row_id})"),
        operation("GET", f"{HERE}/contacts({contact})?$select=jobtitle"),
    )
    # Then every part has its own status, headers and body
    read, created, sent, changed, deleted, again = answers(response)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("multipart/mixed; boundary=batchresponse_")
    statuses = [part.status for part in (read, created, sent, changed, deleted, again)]
    assert statuses == [200, 204, 204, 204, 204, 200]
    assert read.headers["content-type"] == "application/json; odata.metadata=minimal; odata.streaming=true"
    assert json.loads(read.body)["@odata.context"] == f"{dataverse.api}/$metadata#contacts(fullname)"
    assert created.headers["location"] == created.headers["odata-entityid"]
    assert dataverse.get(f"accounts({created.entity_id})?$select=name")["name"] == "Northwind"
    assert (sent.entity_id, sent.body, "location" in deleted.headers) == (row_id, b"", False)
    assert json.loads(again.body)["jobtitle"] == "CTO"
    assert subjects(sandbox) == []


def test_every_line_of_an_answer_stands_where_microsofts_pages_put_it(dataverse: Dataverse, contact: str) -> None:
    row_id = str(uuid.uuid4())
    response = post(dataverse, send_of(contact, row_id))
    boundary = response.headers["Content-Type"].partition("boundary=")[2]
    address = f"{dataverse.api}/adobe_emailsends({row_id})"
    lines = [
        f"--{boundary}",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        "",
        "HTTP/1.1 204 No Content",
        "OData-Version: 4.0",
        f"Location: {address}",
        f"OData-EntityId: {address}",
        "",
        "",
        f"--{boundary}--",
        "",
    ]
    assert response.content.decode() == "\r\n".join(lines)


@pytest.mark.parametrize(
    "target",
    ["/api/data/v9.2/{}", "{origin}/api/data/v9.2/{}", "{}", "/api/data/v9.1/{}"],
    ids=["from the root", "absolute", "bare", "another version"],
)
def test_an_inner_address_may_be_written_in_all_its_forms(dataverse: Dataverse, contact: str, target: str) -> None:
    origin = dataverse.api.removesuffix("/api/data/v9.2")
    for path in (f"contacts({contact})?$select=lastname", f"contacts?$filter=contactid eq {contact}&$select=lastname"):
        [part] = answers(post(dataverse, operation("GET", target.format(path, origin=origin))))
        assert part.status == 200
        assert contact in part.body.decode()


def test_inner_preferences_hold_for_their_operation_alone(dataverse: Dataverse, contact: str) -> None:
    path = f"{HERE}/contacts({contact})?$select=jobtitle"
    body = {"jobtitle": "Buyer"}
    whole, bare = answers(
        post(
            dataverse,
            operation("PATCH", path, body, Prefer="return=representation"),
            operation("PATCH", path, body),
        )
    )
    assert (whole.status, json.loads(whole.body)["jobtitle"], bare.status) == (200, "Buyer", 204)
    assert whole.headers["preference-applied"] == "return=representation"
    assert "preference-applied" not in bare.headers


def test_the_first_failure_ends_a_batch_and_gives_it_its_status(
    sandbox: Sandbox, dataverse: Dataverse, contact: str
) -> None:
    # Given three creates of which the second is there already
    ids = [str(uuid.uuid4()) for _ in range(3)]
    assert post(dataverse, send_of(contact, ids[1], "there")).status_code == 200
    # When they are posted without asking to go on
    response = post(dataverse, *(send_of(contact, row_id, f"new {n}") for n, row_id in enumerate(ids)))
    # Then the outer status is that of the failure, and nothing behind it was done
    first, second = answers(response)
    assert (response.status_code, first.status, second.status, second.code) == (412, 204, 412, "0x80040237")
    assert second.headers["req_id"]
    assert second.headers["content-type"] == "application/json; odata.metadata=minimal"
    assert subjects(sandbox) == ["there", "new 0"]
    assert "Preference-Applied" not in response.headers


def test_with_continue_on_error_every_operation_has_its_own_fate(
    sandbox: Sandbox, dataverse: Dataverse, contact: str
) -> None:
    nobody = str(uuid.UUID(int=1))
    ids = [str(uuid.uuid4()) for _ in range(2)]
    response = post(
        dataverse,
        send_of(contact, ids[0], "first"),
        send_of(contact, ids[0], "twice"),
        send_of(nobody, str(uuid.uuid4())),
        send_of(contact, str(uuid.uuid4()), "x" * 201),
        operation("GET", f"{HERE}/nosuch"),
        send_of(contact, ids[1], "last"),
        prefer=ON,
    )
    parts = answers(response)
    assert (response.status_code, response.headers["Preference-Applied"]) == (200, ON)
    assert [part.status for part in parts] == [204, 412, 404, 400, 404, 204]
    assert [part.code for part in parts[1:5]] == ["0x80040237", "0x80040217", "0x80044331", "0x8006088a"]
    assert parts[2].message == f"contact With Id = {nobody} Does Not Exist"
    assert subjects(sandbox) == ["first", "last"]


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        ("", f"multipart/mixed; boundary={BOUNDARY}", "has no part that begins with its boundary"),
        ("--other\r\n\r\n--other--\r\n", f"multipart/mixed; boundary={BOUNDARY}", "has no part"),
        (f"--{BOUNDARY}--\r\n", f"multipart/mixed; boundary={BOUNDARY}", "has no part"),
        ("{GOOD}", "application/json", "must be multipart/mixed with a boundary"),
        ("{GOOD}", "multipart/mixed", "must be multipart/mixed with a boundary"),
        ("{LINE FEEDS}", f"multipart/mixed; boundary={BOUNDARY}", "line of its own that ends in CRLF"),
        ("{OPEN}", f"multipart/mixed; boundary={BOUNDARY}", "does not end in its closing delimiter"),
        ("{TORN}", f"multipart/mixed; boundary={BOUNDARY}", "line of its own"),
        ("{NO TYPE}", f"multipart/mixed; boundary={BOUNDARY}", "'Content-Type' is missing in a part"),
        ("{NO LINE}", f"multipart/mixed; boundary={BOUNDARY}", "request line of an operation"),
    ],
)
def test_a_wrong_envelope_is_refused_whole_and_nothing_of_it_is_done(
    sandbox: Sandbox, dataverse: Dataverse, contact: str, body: str, content_type: str, words: str
) -> None:
    part = send_of(contact, str(uuid.uuid4()))
    good = f"--{BOUNDARY}\r\n{part}\r\n--{BOUNDARY}--\r\n"
    spoilt = {
        "{GOOD}": good,
        "{LINE FEEDS}": good.replace("\r\n", "\n"),
        "{OPEN}": good.removesuffix(f"--{BOUNDARY}--\r\n"),
        "{TORN}": good.removesuffix("--\r\n"),
        "{NO TYPE}": good.replace("Content-Type: application/http\r\n", ""),
        "{NO LINE}": good.replace(" HTTP/1.1", ""),
    }
    status, code, text = refused(post_raw(dataverse, spoilt.get(body, body), content_type))
    assert (status, code) == (400, "0x80060888")
    assert words in text
    assert subjects(sandbox) == []


def test_a_bare_boundary_and_a_preamble_are_as_good(sandbox: Sandbox, dataverse: Dataverse, contact: str) -> None:
    part = send_of(contact, str(uuid.uuid4()), "bare")
    body = f"to whom it may concern\r\n--{BOUNDARY} \r\n{part}\r\n--{BOUNDARY}--\r\nfarewell"
    response = post_raw(dataverse, body, f"multipart/mixed;boundary={BOUNDARY}")
    assert [part.status for part in answers(response)] == [204]
    assert subjects(sandbox) == ["bare"]


def test_an_operation_needs_no_blank_line_of_its_own_behind_its_headers(dataverse: Dataverse) -> None:
    part = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nGET contacts?$top=1 HTTP/1.1"
    body = f"--{BOUNDARY}\r\n{part}\r\nAccept: application/json\r\n--{BOUNDARY}--"
    [answer] = answers(post_raw(dataverse, body, f"multipart/mixed; boundary={BOUNDARY}"))
    assert answer.status == 200


def test_a_body_without_a_content_type_of_its_own_is_refused(dataverse: Dataverse) -> None:
    part = operation("POST", f"{HERE}/accounts", {"name": "x"})
    [answer] = answers(post(dataverse, part.replace("Content-Type: application/json; type=entry\r\n", "")))
    assert (answer.status, answer.code) == (400, "0x80048d19")


def test_a_batch_inside_a_batch_is_refused(dataverse: Dataverse) -> None:
    for target in (f"{HERE}/$batch", "$batch"):
        [answer] = answers(post(dataverse, operation("POST", target, {})))
        assert (answer.status, answer.code) == (400, "0x80060888")


def test_definitions_can_be_asked_for_in_a_batch(dataverse: Dataverse) -> None:
    cast = "Attributes/Microsoft.Dynamics.CRM.DateTimeAttributeMetadata?$select=LogicalName,DateTimeBehavior"
    paths = [f"{HERE}/EntityDefinitions(LogicalName='{name}')/{cast}" for name in ("contact", "adobe_emailopen")]
    parts = answers(post(dataverse, *(operation("GET", path, Accept="application/json") for path in paths)))
    found = [{item["LogicalName"]: item["DateTimeBehavior"] for item in json.loads(p.body)["value"]} for p in parts]
    assert found[0]["birthdate"] == {"Value": "DateOnly"}
    assert found[1]["adobe_openedon"] == {"Value": "UserLocal"}


def test_more_operations_than_allowed_are_refused_and_none_is_done(
    sandbox: Sandbox, dataverse: Dataverse, contact: str
) -> None:
    sandbox.admin.put("/switches", {"batch_limit": 3})
    parts = [send_of(contact, str(uuid.uuid4())) for _ in range(4)]
    of_a_set = change_set(*(operation("DELETE", f"{HERE}/x({n})", content_id=str(n)) for n in range(2)))
    for too_many in (parts, [*parts[:2], of_a_set]):
        status, code, text = refused(post(dataverse, *too_many))
        assert (status, code) == (400, "0x80048d19")
        assert "exceeds the limit of 3" in text
    assert subjects(sandbox) == []
    assert len(answers(post(dataverse, *parts[:3]))) == 3


def test_a_thousand_operations_fit_into_one_batch(sandbox: Sandbox, dataverse: Dataverse, contact: str) -> None:
    parts = [send_of(contact, str(uuid.uuid4())) for _ in range(1001)]
    assert {part.status for part in answers(post(dataverse, *parts[:1000], prefer=ON))} == {204}
    assert refused(post(dataverse, *parts, prefer=ON))[0] == 400
    tables = {table["name"]: table["rows"] for table in sandbox.admin.get("/dynamics/tables")["value"]}
    assert (tables["adobe_emailsend"], tables["activitypointer"]) == (1000, 1000)
    assert sandbox.admin.get("/calls")["batched_operations"] >= 1000


def test_a_change_set_has_its_effect_as_a_whole_and_its_members_refer_to_each_other(dataverse: Dataverse) -> None:
    # Given a contact, its job title, its employer and an activity regarding it, all new
    response = post(
        dataverse,
        change_set(
            operation("POST", f"{HERE}/contacts", {"firstname": "Ann", "lastname": "Example"}, "1"),
            operation("PUT", "$1/jobtitle", {"value": "CTO"}, "2"),
            operation("POST", f"{HERE}/accounts", {"name": "Northwind", "primarycontactid@odata.bind": "$1"}, "3"),
            operation("PATCH", "$1", {"parentcustomerid_account@odata.bind": "$3"}, "4"),
            operation("POST", "$1/contact_adobe_emailsends", {"subject": "x"}, "5"),
        ),
        operation("GET", f"{HERE}/contacts?$filter=lastname eq 'Example' and jobtitle eq 'CTO'&$select=fullname"),
    )
    # Then the answers of the set stand in one part, each under its name
    of_the_set, read = answers(response)
    assert [(part.status, part.content_id) for part in of_the_set] == [(204, str(n)) for n in range(1, 6)]
    contact, account, activity = of_the_set[0].entity_id, of_the_set[2].entity_id, of_the_set[4].entity_id
    assert of_the_set[1].entity_id == contact
    # And everything leads where it should
    assert [row["contactid"] for row in json.loads(read.body)["value"]] == [contact]
    assert dataverse.get(f"contacts({contact})")["_parentcustomerid_value"] == account
    assert dataverse.get(f"accounts({account})")["_primarycontactid_value"] == contact
    assert dataverse.get(f"adobe_emailsends({activity})")["_regardingobjectid_value"] == contact


@pytest.mark.parametrize("shape", ["single", "nested"])
def test_a_failed_change_set_leaves_everything_as_it_was(
    sandbox: Sandbox, dataverse: Dataverse, contact: str, shape: str
) -> None:
    # Given activities that are there, two shapes of the answer, and a set that creates, changes, deletes, and fails
    sandbox.admin.put("/switches", {"failed_change_set": shape, "change_tracking": {"adobe_emailsend": True}})
    there = [str(uuid.uuid4()) for _ in range(3)]
    post(dataverse, *(send_of(contact, row_id, f"there {n}") for n, row_id in enumerate(there)))
    path = f"{HERE}/adobe_emailsends"
    before = sandbox.admin.get("/dynamics/tables/adobe_emailsend")
    link, journal = dataverse.delta_link("adobe_emailsends"), sandbox.admin.get("/dynamics/activities")
    response = post(
        dataverse,
        change_set(
            operation("POST", path, {"subject": "new"}, "1"),
            operation("PATCH", f"{path}({there[0]})", {"subject": "changed"}, "2"),
            operation("DELETE", f"{path}({there[1]})", content_id="3"),
            operation("DELETE", f"{HERE}/contacts({contact})", content_id="4"),
            operation("POST", f"{HERE}/accounts", {"nosuch": 1}, "5"),
        ),
        operation("POST", path, {"subject": "behind"}),
        prefer=ON,
    )
    # Then one answer stands for the set, and what comes behind it goes on
    failed, behind = answers(response)
    if shape == "nested":
        [failed] = failed
        assert failed.content_id == "5"
    assert (failed.status, failed.code, behind.status) == (400, "0x80048d19", 204)
    # And nothing of the set is left: not in the rows, nor in the order, the delta or the journal
    after = sandbox.admin.get("/dynamics/tables/adobe_emailsend")
    assert after["value"][:3] == before["value"]
    assert [row["subject"] for row in after["value"][3:]] == ["behind"]
    assert [item["subject"] for item in dataverse.scan(link)[0]] == ["behind"]
    assert sandbox.admin.get("/dynamics/activities")[: len(journal)] == journal
    assert sandbox.admin.get("/dynamics/activities/counts")["writes"] == len(journal) + 1
    found = dataverse.get(f"contacts({contact})/contact_adobe_emailsends?$select=subject")["value"]
    assert {row["activityid"] for row in found} == set(there)


def test_a_failed_change_set_ends_a_batch_that_does_not_go_on(
    sandbox: Sandbox, dataverse: Dataverse, contact: str
) -> None:
    bad = change_set(operation("PATCH", f"{HERE}/contacts({uuid.UUID(int=1)})", {}, "1", If_Match="*"))
    response = post(dataverse, bad, send_of(contact, str(uuid.uuid4())))
    [failed] = answers(response)
    assert (response.status_code, failed.status, failed.code) == (404, 404, "0x80040217")
    assert subjects(sandbox) == []


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([("GET", "contacts?$top=1", None, "1")], "GET request is not allowed in a change set"),
        ([("POST", "accounts", {"name": "x"}, "")], "Content-ID header is missing"),
        ([("POST", "accounts", {"name": "x"}, "1"), ("POST", "accounts", {}, "1")], "used more than once"),
        ([("PATCH", "$2", {"name": "x"}, "1"), ("POST", "accounts", {"name": "x"}, "2")], "Reference: '$2'"),
        ([("POST", "accounts", {"name": "x", "primarycontactid@odata.bind": "$7"}, "1")], "Reference: '$7'"),
    ],
)
def test_a_change_set_that_breaks_the_rules_is_refused(
    sandbox: Sandbox, dataverse: Dataverse, members: list[tuple[str, str, object, str]], words: str
) -> None:
    before = len(sandbox.admin.get("/dynamics/accounts")["value"])
    parts = [
        operation(method, target if target.startswith("$") else f"{HERE}/{target}", body, name)
        for method, target, body, name in members
    ]
    response = post(dataverse, change_set(*parts))
    [failed] = answers(response)
    assert (response.status_code, failed.status, failed.code) == (400, 400, "0x80060888")
    assert words in failed.message
    assert len(sandbox.admin.get("/dynamics/accounts")["value"]) == before


def test_a_reference_reaches_no_further_than_its_change_set(dataverse: Dataverse) -> None:
    known = change_set(operation("POST", f"{HERE}/accounts", {"name": "x"}, "1"))
    [_], outside = answers(post(dataverse, known, operation("PATCH", "$1", {"name": "y"}), prefer=ON))
    assert (outside.status, outside.message) == (
        400,
        "Content-ID Reference: '$1' does not exist in the batch context.",
    )


def test_a_batch_of_a_stranger_is_refused_without_a_body(sandbox: Sandbox, dataverse: Dataverse) -> None:
    dataverse.headers = {"Authorization": "Bearer nobody"}
    response = post(dataverse, operation("GET", f"{HERE}/contacts"))
    assert (response.status_code, response.content) == (401, b"")
    assert response.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")
