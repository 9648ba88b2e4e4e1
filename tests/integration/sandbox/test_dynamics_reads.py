"""Reads of the pretend Dataverse: pages, change tracking, annotations, filters, metadata."""

import socket
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from tests.sandboxes import Sandbox

SELECT = "firstname,lastname,emailaddress1"


class Dataverse:
    """A client that knows nothing but HTTP."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.api = sandbox.dynamics_api
        self.headers = sandbox.dynamics_headers()

    def get(self, path: str, prefer: str = "", **headers: str) -> requests.Response:
        url = path if path.startswith("http") else f"{self.api}/{path}"
        return requests.get(
            url, headers={**self.headers, **({"Prefer": prefer} if prefer else {}), **headers}, timeout=30
        )

    def scan(self, path: str, prefer: str) -> tuple[list[dict[str, Any]], str | None, int]:
        """(elements of all pages, deltaLink, number of pages)"""
        found: list[dict[str, Any]] = []
        pages = 0
        while True:
            body = self.get(path, prefer).json()
            pages += 1
            found += body["value"]
            assert ("@odata.nextLink" in body) != ("@odata.deltaLink" in body) or "track" not in prefer
            if "@odata.nextLink" not in body:
                return found, body.get("@odata.deltaLink"), pages
            path = body["@odata.nextLink"]


@pytest.fixture
def dataverse(sandbox: Sandbox) -> Dataverse:
    return Dataverse(sandbox)


def test_a_tracked_full_read_serves_every_row_once_and_ends_with_a_delta_link(
    sandbox: Sandbox, dataverse: Dataverse
) -> None:
    # When all contacts are read in pages of 60
    rows, delta_link, pages = dataverse.scan(f"contacts?$select={SELECT}", "odata.track-changes,odata.maxpagesize=60")
    # Then they are all there, in the documented shape, and only the last page has the link
    assert pages == 4
    assert sorted(row["contactid"] for row in rows) == sorted(sandbox.admin.contacts())
    assert all(row.keys() == {"@odata.etag", "firstname", "lastname", "emailaddress1", "contactid"} for row in rows)
    assert delta_link is not None and "$deltatoken=" in delta_link


def test_a_delta_has_changes_by_version_then_deletions_in_pages(sandbox: Sandbox, dataverse: Dataverse) -> None:
    # Given a full read, then five changes, a creation and three deletions, one of them of a changed row
    _, delta_link, _ = dataverse.scan("contacts?$select=lastname", "odata.track-changes")
    assert delta_link is not None
    changed = sandbox.admin.post("/dynamics/change", {"count": 5, "seed": 3})["ids"]
    created = sandbox.admin.post("/dynamics/create", {"count": 1, "seed": 3})["ids"]
    untouched = [row_id for row_id in sandbox.admin.contacts() if row_id not in changed + created]
    deleted = [changed[0], *untouched[:2]]
    sandbox.admin.post("/dynamics/delete", {"ids": deleted})
    # When the delta is read in pages of four
    elements, next_delta, pages = dataverse.scan(delta_link, "odata.maxpagesize=4")
    # Then live rows come first by version, deletions after them with exactly three members
    live = [element for element in elements if "contactid" in element]
    gone = [element for element in elements if "reason" in element]
    assert pages == 2
    assert elements == live + gone
    assert [row["contactid"] for row in live] == [*changed[1:], *created]
    versions = [int(row["@odata.etag"][3:-1]) for row in live]
    assert versions == sorted(versions)
    assert [(element["id"], element["reason"]) for element in gone] == [(row_id, "deleted") for row_id in deleted]
    assert all(element.keys() == {"@odata.context", "id", "reason"} for element in gone)
    assert all(element["@odata.context"].endswith("$metadata#contacts/$deletedEntity") for element in gone)
    # And the next delta is empty
    assert next_delta is not None
    assert dataverse.scan(next_delta, "")[0] == []


def test_changes_during_a_full_read_come_with_the_next_delta(sandbox: Sandbox, dataverse: Dataverse) -> None:
    # Given the first page of a full read
    prefer = "odata.track-changes,odata.maxpagesize=150"
    first = dataverse.get("contacts?$select=lastname", prefer).json()
    # When everything changes before the second one is read
    changed = sandbox.admin.post("/dynamics/change", {"count": 200})["ids"]
    _, delta_link, _ = dataverse.scan(first["@odata.nextLink"], "odata.maxpagesize=150")
    # Then the delta that follows has all changes: nothing falls between
    assert delta_link is not None
    elements, _, _ = dataverse.scan(delta_link, "")
    assert sorted(row["contactid"] for row in elements) == sorted(changed)


def test_a_row_created_and_deleted_between_two_reads_is_only_a_deletion(sandbox: Sandbox, dataverse: Dataverse) -> None:
    _, delta_link, _ = dataverse.scan("contacts?$select=lastname", "odata.track-changes")
    ids = sandbox.admin.post("/dynamics/create", {"count": 1})["ids"]
    sandbox.admin.post("/dynamics/delete", {"ids": ids})
    assert delta_link is not None
    elements, _, _ = dataverse.scan(delta_link, "")
    assert [(element["id"], element["reason"]) for element in elements] == [(ids[0], "deleted")]


def test_a_delta_link_can_be_used_again_and_again(sandbox: Sandbox, dataverse: Dataverse) -> None:
    _, delta_link, _ = dataverse.scan("contacts?$select=lastname", "odata.track-changes")
    assert delta_link is not None
    first = sandbox.admin.post("/dynamics/change", {"count": 1, "seed": 1})["ids"]
    assert [row["contactid"] for row in dataverse.scan(delta_link, "")[0]] == first
    other = next(row_id for row_id in sandbox.admin.contacts() if row_id not in first)
    sandbox.admin.patch(f"/dynamics/contacts/{other}", {"jobtitle": "Buyer"})
    assert [row["contactid"] for row in dataverse.scan(delta_link, "")[0]] == [*first, other]


@pytest.mark.parametrize("way", ["by age", "at once"])
def test_an_old_delta_token_asks_for_a_full_read(sandbox: Sandbox, dataverse: Dataverse, way: str) -> None:
    # Given a delta link
    _, delta_link, _ = dataverse.scan("contacts?$select=lastname", "odata.track-changes")
    # When its week is over, or all tokens are made to expire
    if way == "by age":
        sandbox.admin.post("/clock", {"advance": 8 * 86_400})
        dataverse.headers = sandbox.dynamics_headers()
    else:
        sandbox.admin.post("/dynamics/expire-delta")
    # Then it is refused with the one code that means: full read
    assert delta_link is not None
    answer = dataverse.get(delta_link)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "0x80044352"
    # And a new full read works again
    _, fresh, _ = dataverse.scan("contacts?$select=lastname", "odata.track-changes")
    assert fresh is not None
    assert dataverse.get(fresh).status_code == 200


def test_re_encoded_links_are_the_same_links(sandbox: Sandbox, dataverse: Dataverse) -> None:
    # Given clients that parse a link's query and encode it anew, as some do
    prefer = "odata.track-changes,odata.maxpagesize=150"
    first = dataverse.get("contacts", prefer).json()
    parameters = dict(parse_qsl(urlsplit(first["@odata.nextLink"]).query))
    second = requests.get(
        f"{dataverse.api}/contacts", params=parameters, headers={**dataverse.headers, "Prefer": prefer}, timeout=10
    ).json()
    ids = [row["contactid"] for row in first["value"] + second["value"]]
    assert sorted(ids) == sorted(sandbox.admin.contacts())
    token = dict(parse_qsl(urlsplit(second["@odata.deltaLink"]).query))
    changed = sandbox.admin.post("/dynamics/change", {"count": 2})["ids"]
    delta = requests.get(f"{dataverse.api}/contacts", params=token, headers=dataverse.headers, timeout=10).json()
    assert [row["contactid"] for row in delta["value"]] == changed


@pytest.mark.parametrize("option", ["$filter=lastname eq 'x'", "$orderby=lastname", "$top=3", "$expand=ownerid"])
def test_tracking_refuses_other_query_options(dataverse: Dataverse, option: str) -> None:
    answer = dataverse.get(f"contacts?{option}", "odata.track-changes")
    name = option.partition("=")[0]
    assert answer.status_code == 400
    message = f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.'
    assert answer.json() == {"error": {"code": "0x80060888", "message": message}}


def test_a_table_without_tracking_says_so(sandbox: Sandbox, dataverse: Dataverse) -> None:
    sandbox.admin.put("/switches", {"change_tracking": {"contact": False}})
    answer = dataverse.get("contacts", "odata.track-changes")
    definition = dataverse.get("EntityDefinitions(LogicalName='contact')?$select=ChangeTrackingEnabled").json()
    assert answer.json()["error"] == {
        "code": "0x80072491",
        "message": "Entity contact isn't enabled for change tracking.",
    }
    assert definition["ChangeTrackingEnabled"] is False


@pytest.mark.parametrize("token", ["abc", "None", "12!99/99/2020 00:00:00"])
def test_a_malformed_delta_token_is_a_plain_mistake(dataverse: Dataverse, token: str) -> None:
    answer = dataverse.get(f"contacts?$deltatoken={token}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "0x80040203")


def test_a_larger_page_than_allowed_is_clamped_and_echoed(sandbox: Sandbox, dataverse: Dataverse) -> None:
    sandbox.admin.put("/switches", {"max_page_size": 50})
    answer = dataverse.get("contacts?$select=lastname", "odata.maxpagesize=9000")
    assert len(answer.json()["value"]) == 50
    assert answer.headers["Preference-Applied"] == "odata.maxpagesize=9000"


def test_header_names_come_in_exactly_the_vendors_case(sandbox: Sandbox, dataverse: Dataverse) -> None:
    # Given a raw connection, since clients normalise header names
    host, port = sandbox.info["dynamics"]["url"].removeprefix("http://").split(":")
    body = b'{"lastname":"Raw"}'
    lines = [
        "POST /api/data/v9.2/contacts HTTP/1.1",
        f"Host: {host}",
        f"Authorization: {dataverse.headers['Authorization']}",
        "Content-Type: application/json",
        "Prefer: return=representation",
        f"Content-Length: {len(body)}",
    ]
    # When a row is created
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
    head = received.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    names = [line.partition(":")[0] for line in head[1:]]
    # Then every name is spelled as a real organisation spells it
    assert head[0] == "HTTP/1.1 201 Created"
    assert names == [
        *("Cache-Control", "Allow", "Expires", "Set-Cookie", "Strict-Transport-Security", "CRM.ServiceId"),
        *("OData-Version", "x-ms-service-request-id", "REQ_ID", "AuthActivityId", "x-ms-dop-hint"),
        *("x-ms-ratelimit-time-remaining-xrm-requests", "x-ms-ratelimit-burst-remaining-xrm-requests"),
        *("Content-Type", "ETag", "OData-EntityId", "Preference-Applied", "Date", "Content-Length"),
    ]
    assert "x-ms-ratelimit-time-remaining-xrm-requests: 1,200.00" in head
    assert "Content-Type: application/json; odata.metadata=minimal" in head


def test_annotations_stand_before_their_property(sandbox: Sandbox, dataverse: Dataverse) -> None:
    # Given a contact with an account
    row_id, row = next((key, row) for key, row in sandbox.admin.contacts().items() if "_parentcustomerid_value" in row)
    sandbox.admin.patch(f"/dynamics/contacts/{row_id}", {"gendercode": 2, "annualincome": 20000, "donotemail": True})
    # When it is read with all annotations
    select = "gendercode,annualincome,donotemail,_parentcustomerid_value"
    shown = dataverse.get(f"contacts({row_id})?$select={select}", 'odata.include-annotations="*"').json()
    # Then labels, money and lookups are told as the interface would
    formatted = "OData.Community.Display.V1.FormattedValue"
    assert shown[f"gendercode@{formatted}"] == "Female"
    assert shown[f"annualincome@{formatted}"] == "$20,000.00"
    assert shown[f"donotemail@{formatted}"] == "Do Not Allow"
    assert shown["_parentcustomerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"] == "account"
    navigation = "_parentcustomerid_value@Microsoft.Dynamics.CRM.associatednavigationproperty"
    assert shown[navigation] == "parentcustomerid_account"
    account = dataverse.get(f"contacts({row_id})/parentcustomerid_account?$select=name").json()
    assert shown[f"_parentcustomerid_value@{formatted}"] == account["name"]
    assert account["accountid"] == row["_parentcustomerid_value"]
    keys = list(shown)
    assert keys.index("gendercode") == keys.index(f"gendercode@{formatted}") + 1
    assert shown["@odata.context"].endswith(f"$metadata#contacts({select})/$entity")


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("gendercode eq 2", lambda row: row.get("gendercode") == 2),
        ("gendercode ne 2", lambda row: row.get("gendercode") != 2),
        ("annualincome gt 90000.5", lambda row: row.get("annualincome", 0) > 90000.5),
        ("annualincome eq null", lambda row: "annualincome" not in row),
        ("startswith(lastname, 'S')", lambda row: row["lastname"].casefold().startswith("s")),
        (
            "contains(emailaddress1,'an') and not (gendercode eq 1)",
            lambda r: "an" in r["emailaddress1"] and r["gendercode"] == 2,
        ),
        ("(gendercode eq 1 or donotemail eq true)", lambda row: row["gendercode"] == 1 or row["donotemail"]),
        ("birthdate ge 1980-01-01", lambda row: row["birthdate"] >= "1980-01-01"),
        ("createdon lt 2023-01-01T00:00:00.000000Z", lambda row: row["createdon"] < "2023-01-01"),
        ("lastname eq 'O''BRIEN'", lambda row: row["lastname"] == "O'Brien"),
        ("parentcustomerid_account/name ne null", lambda row: "_parentcustomerid_value" in row),
        (
            'Microsoft.Dynamics.CRM.In(PropertyName=\'familystatuscode\',PropertyValues=["1","3"])',
            lambda row: row["familystatuscode"] in (1, 3),
        ),
    ],
)
def test_filters_select_as_they_say(sandbox: Sandbox, dataverse: Dataverse, text: str, test: Any) -> None:
    wanted = {row_id for row_id, row in sandbox.admin.contacts().items() if test(row)}
    found = dataverse.get("contacts?" + urlencode({"$filter": text, "$select": "contactid"})).json()
    assert {row["contactid"] for row in found["value"]} == wanted
    assert wanted


def test_ordered_pages_neither_lose_nor_repeat_a_row(sandbox: Sandbox, dataverse: Dataverse) -> None:
    path = "contacts?$select=lastname&$orderby=gendercode desc,lastname&$count=true"
    rows, _, pages = dataverse.scan(path, "odata.maxpagesize=37")
    contacts = sandbox.admin.contacts()
    assert pages == 6
    assert {row["contactid"] for row in rows} == contacts.keys()
    order = [(-contacts[row["contactid"]]["gendercode"], row["lastname"].casefold()) for row in rows]
    assert len(rows) == 200
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("contacts?$select=gendercodename", 400, "0x80060888"),
        ("contacts?$select=parentcustomerid", 400, "0x80060888"),
        ("contacts?$skip=3", 400, "0x80060888"),
        ("contacts?$filter=gendercode eq 'x'", 400, "0x80060888"),
        ("contacts?$filter=lastname eq 'x", 400, "0x80060888"),
        ("contacts?$skiptoken=<cookie>", 400, "0x80041129"),
        ("contacts(12)", 400, "0x80060888"),
        ("contacts(00000000-0000-4000-8000-000000000000)", 404, "0x80040217"),
        ("ontacts", 404, "0x8006088a"),
        ("accounts(accountnumber='nobody')", 404, "0x80060891"),
        ("EntityDefinitions?$filter=startswith(SchemaName,'C')", 501, "0x8006088a"),
    ],
)
def test_mistakes_have_their_code(dataverse: Dataverse, path: str, status: int, code: str) -> None:
    answer = dataverse.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_metadata_tells_tables_columns_choices_and_dates(dataverse: Dataverse) -> None:
    query = "$select=LogicalName,EntitySetName,PrimaryIdAttribute,CanChangeTrackingBeEnabled,ChangeTrackingEnabled"
    tables = dataverse.get(f"EntityDefinitions?{query}&$expand=Attributes($select=LogicalName,AttributeType)").json()
    contact = next(table for table in tables["value"] if table["LogicalName"] == "contact")
    assert contact["CanChangeTrackingBeEnabled"]["Value"] is True
    kinds = {column["LogicalName"]: column["AttributeType"] for column in contact["Attributes"]}
    assert (kinds["birthdate"], kinds["parentcustomerid"], kinds["statecode"]) == ("DateTime", "Customer", "State")
    attributes = "EntityDefinitions(LogicalName='contact')/Attributes"
    cast = f"{attributes}/Microsoft.Dynamics.CRM"
    dates = dataverse.get(f"{cast}.DateTimeAttributeMetadata?$select=LogicalName,DateTimeBehavior").json()["value"]
    behavior = {column["LogicalName"]: column["DateTimeBehavior"]["Value"] for column in dates}
    assert (behavior["birthdate"], behavior["createdon"]) == ("DateOnly", "UserLocal")
    choices = dataverse.get(f"{cast}.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet($select=Options)")
    gender = next(column for column in choices.json()["value"] if column["LogicalName"] == "gendercode")
    labels = {
        option["Value"]: option["Label"]["UserLocalizedLabel"]["Label"] for option in gender["OptionSet"]["Options"]
    }
    assert labels == {1: "Male", 2: "Female"}
    one = dataverse.get(f"{attributes}(LogicalName='lastname')").json()
    assert (one["@odata.type"], one["MaxLength"]) == ("#Microsoft.Dynamics.CRM.StringAttributeMetadata", 50)
    xml = dataverse.get("$metadata?annotations=true")
    assert xml.headers["Content-Type"] == "application/xml"
    assert '<Property Name="birthdate" Type="Edm.Date"/>' in xml.text


def test_counts_are_capped_but_the_snapshot_is_not(sandbox: Sandbox, dataverse: Dataverse) -> None:
    sandbox.admin.put("/switches", {"count_cap": 150})
    assert dataverse.get("contacts/$count").content == b"\xef\xbb\xbf150"
    assert dataverse.get("contacts?$select=lastname&$count=true").json()["@odata.count"] == 150
    total = dataverse.get("RetrieveTotalRecordCount(EntityNames=['contact'])").json()
    assert total["EntityRecordCountCollection"]["Values"] == [200]


def test_a_conditional_read_of_an_unchanged_row_is_304(sandbox: Sandbox, dataverse: Dataverse) -> None:
    row_id, row = next(iter(sandbox.admin.contacts().items()))
    etag = f'W/"{row["versionnumber"]}"'
    assert dataverse.get(f"contacts({row_id})", **{"If-None-Match": etag}).status_code == 304
    sandbox.admin.patch(f"/dynamics/contacts/{row_id}", {"jobtitle": "Buyer"})
    assert dataverse.get(f"contacts({row_id})", **{"If-None-Match": etag}).status_code == 200
    assert dataverse.get(f"contacts({row_id})", **{"If-None-Match": "null"}).status_code == 200
