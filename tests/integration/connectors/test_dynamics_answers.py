"""The read side of Dynamics against answers that are rare, wrong or hostile."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.dynamics import Dynamics
from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_pages import FORMATTED, LOOKUP_TABLE, Row
from connectors.errors import (
    AccessDenied,
    ConnectorError,
    CursorExpired,
    ForeignLink,
    Malformed,
    Refused,
    SchemaRefused,
    TableMissing,
    Throttled,
    TrackingOff,
    Unavailable,
)
from tests.integration.connectors.odd_server import OddServer, Reply

ANN = "00000000-0000-0000-0000-00000000000a"
BOB = "00000000-0000-0000-0000-00000000000b"
COLUMNS = ("firstname", "lastname")


def row(id_: str, version: int, **more: Any) -> dict[str, Any]:
    names = {"firstname": "Ann", "lastname": None}
    return {"@odata.etag": f'W/"{version}"', **names, "contactid": id_, **more}


def deletion(id_: str) -> dict[str, Any]:
    return {"@odata.context": "https://x.example/$metadata#contacts/$deletedEntity", "id": id_, "reason": "deleted"}


def failure(code: str, message: str = "") -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def test_a_page_holds_exactly_the_asked_columns(server: OddServer, dynamics: Dynamics, contact: DynamicsTable) -> None:
    delta = f"{server.origin}/api/data/v9.2/contacts?$deltatoken=1"
    server.replies = [
        Reply(json={"@odata.deltaLink": delta, "value": [row(ANN, 7, extra=1, _transactioncurrencyid_value="x")]})
    ]
    page = dynamics.first_page(contact, COLUMNS, timeout=5)
    assert page.rows == [Row(ANN, 7, {"firstname": "Ann", "lastname": None})]
    assert (page.next_link, page.delta_link) == (None, delta)
    [call] = server.calls
    assert call.path == "/api/data/v9.2/contacts?$select=firstname,lastname"
    assert call.headers["prefer"] == "odata.track-changes,odata.maxpagesize=5000"


def test_the_primary_key_is_told_among_the_values_only_where_asked(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    server.script = lambda call: Reply(json={"@odata.nextLink": f"{server.origin}/n", "value": [row(ANN, 7)]})
    with_it = dynamics.first_page(contact, ("firstname", "lastname", "contactid"), timeout=5)
    without = dynamics.first_page(contact, ("firstname", "lastname"), timeout=5)
    assert with_it.rows == [Row(ANN, 7, {"firstname": "Ann", "lastname": None, "contactid": ANN})]
    assert without.rows == [Row(ANN, 7, {"firstname": "Ann", "lastname": None})]


def test_labels_stand_beside_their_values_where_asked(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    item = row(ANN, 7, **{f"firstname@{FORMATTED}": "ANN", f"lastname@{FORMATTED}": "not asked"})
    server.replies = [Reply(json={"@odata.nextLink": f"{server.origin}/n", "value": [item]})]
    page = dynamics.first_page(contact, COLUMNS, timeout=5, labels=["firstname"], page_size=100)
    assert page.rows[0].values == {"firstname": "Ann", "lastname": None, "firstname@label": "ANN"}
    assert server.calls[0].headers["prefer"] == (
        f'odata.track-changes,odata.maxpagesize=100,odata.include-annotations="{FORMATTED}"'
    )


def test_a_lookup_is_asked_for_by_its_property_and_told_by_its_name(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    # Given one row with a parent and one without
    link = f"{server.origin}/api/data/v9.2/contacts?$deltatoken=1"
    parent = {"_parentcustomerid_value": BOB.upper(), f"_parentcustomerid_value@{LOOKUP_TABLE}": "account"}
    items = [row(ANN, 7, **parent), row(BOB, 8, _parentcustomerid_value=None)]
    server.replies = [Reply(json={"@odata.deltaLink": link, "value": items})] * 2
    columns = ("firstname", "parentcustomerid")
    # When they are read, first as a scan and then as changes
    first = dynamics.first_page(contact, columns, tables=["parentcustomerid"], timeout=5)
    then = dynamics.follow(contact, link, columns, tables=["parentcustomerid"], timeout=5)
    # Then both tell the parent, in lower case, and its table
    assert (
        first.rows
        == then.rows
        == [
            Row(ANN, 7, {"firstname": "Ann", "parentcustomerid": BOB, "parentcustomerid@table": "account"}),
            Row(BOB, 8, {"firstname": "Ann", "parentcustomerid": None}),
        ]
    )
    assert server.calls[0].path == "/api/data/v9.2/contacts?$select=firstname,_parentcustomerid_value"
    for call in server.calls:
        assert call.headers["prefer"].endswith(f',odata.include-annotations="{LOOKUP_TABLE}"')


def test_a_lookup_alone_needs_no_annotations(server: OddServer, dynamics: Dynamics, contact: DynamicsTable) -> None:
    item = {"@odata.etag": 'W/"7"', "contactid": ANN, "_transactioncurrencyid_value": BOB}
    server.replies = [Reply(json={"@odata.nextLink": f"{server.origin}/n", "value": [item]})]
    page = dynamics.first_page(contact, ["transactioncurrencyid"], timeout=5)
    assert page.rows == [Row(ANN, 7, {"transactioncurrencyid": BOB})]
    assert "annotations" not in server.calls[0].headers["prefer"]


def test_labels_and_tables_are_asked_for_together(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    item = {
        "@odata.etag": 'W/"7"',
        f"gendercode@{FORMATTED}": "Female",
        "gendercode": 2,
        f"_parentcustomerid_value@{FORMATTED}": "Contoso",
        f"_parentcustomerid_value@{LOOKUP_TABLE}": "contact",
        "_parentcustomerid_value": BOB,
        "contactid": ANN,
    }
    server.replies = [Reply(json={"@odata.nextLink": f"{server.origin}/n", "value": [item]})]
    columns = ("gendercode", "parentcustomerid")
    page = dynamics.first_page(contact, columns, labels=["gendercode"], tables=["parentcustomerid"], timeout=5)
    assert page.rows[0].values == {
        "gendercode": 2, "gendercode@label": "Female", "parentcustomerid": BOB, "parentcustomerid@table": "contact",
    }  # fmt: skip
    assert f'include-annotations="{FORMATTED},{LOOKUP_TABLE}"' in server.calls[0].headers["prefer"]


def test_a_lookup_whose_table_nobody_names_is_malformed(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    # Given a server that ignores what annotations are asked for
    item = {"@odata.etag": 'W/"7"', "_parentcustomerid_value": BOB, "contactid": ANN}
    server.replies = [Reply(json={"@odata.nextLink": f"{server.origin}/n", "value": [item]})]
    # Then the link is not taken for one to the first table that comes to mind
    with pytest.raises(Malformed):
        dynamics.first_page(contact, ["parentcustomerid"], tables=["parentcustomerid"], timeout=5)


def test_a_missing_lookup_is_named_as_the_mapping_names_it(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    link = f"{server.origin}/api/data/v9.2/contacts?$deltatoken=1"
    server.replies = [Reply(json={"value": [row(ANN, 1)], "@odata.deltaLink": link})]
    with pytest.raises(CursorExpired, match="column parentcustomerid;"):
        dynamics.follow(contact, link, ("firstname", "parentcustomerid"), timeout=5)


def test_a_live_row_wins_over_a_deletion_of_the_same_id(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    link = f"{server.origin}/api/data/v9.2/contacts?$deltatoken=1"
    items = [deletion(ANN.upper()), row(ANN, 9), deletion(BOB)]
    server.replies = [Reply(json={"value": items, "@odata.deltaLink": link})]
    page = dynamics.follow(contact, link, COLUMNS, timeout=5)
    assert [(found.id, found.version) for found in page.rows] == [(ANN, 9), (BOB, None)]


def test_a_page_with_a_next_link_gives_no_delta_link(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    links = {"@odata.nextLink": f"{server.origin}/n", "@odata.deltaLink": f"{server.origin}/d"}
    server.replies = [Reply(json={**links, "value": []})]
    page = dynamics.first_page(contact, COLUMNS, timeout=5)
    assert (page.next_link, page.delta_link) == (f"{server.origin}/n", None)


def test_a_foreign_next_link_is_not_followed(server: OddServer, dynamics: Dynamics, contact: DynamicsTable) -> None:
    server.replies = [Reply(json={"@odata.nextLink": "https://elsewhere.example/contacts", "value": []})]
    page = dynamics.first_page(contact, COLUMNS, timeout=5)
    assert page.next_link is not None
    with pytest.raises(ForeignLink):
        dynamics.follow(contact, page.next_link, COLUMNS, timeout=5)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"value":null}',
        b'{"value":{},"@odata.deltaLink":"x"}',
        b'{"value":[]}',  # neither link: later changes would be lost
        b'{"value":[1],"@odata.deltaLink":"x"}',
        b'{"value":[{}],"@odata.deltaLink":"x"}',
        b'{"value":[{"id":"1"}],"@odata.deltaLink":"x"}',  # not said to be deleted
        b'{"value":[{"@odata.etag":"W/\\"1\\"","firstname":"A","lastname":"B"}],"@odata.deltaLink":"x"}',
        b'{"value":[{"@odata.etag":"?","firstname":"A","lastname":"B","contactid":"1"}],"@odata.deltaLink":"x"}',
        b'{"value":[{"@odata.etag":"W/\\"1\\"","firstname":"A","contactid":"1"}],"@odata.deltaLink":"x"}',
        b'{"value":[],"@odata.deltaLink":5}',
    ],
)
def test_a_page_of_another_shape_is_malformed_and_nothing_is_taken_from_it(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, body: bytes
) -> None:
    server.replies = [Reply(body=body)]
    with pytest.raises(Malformed):
        dynamics.first_page(contact, COLUMNS, timeout=5)


def test_a_position_made_for_other_columns_needs_a_full_read(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    link = f"{server.origin}/api/data/v9.2/contacts?$deltatoken=1"
    server.replies = [Reply(json={"value": [row(ANN, 1)], "@odata.deltaLink": link})]
    with pytest.raises(CursorExpired, match="emailaddress1"):
        dynamics.follow(contact, link, ("firstname", "emailaddress1"), timeout=5)


EXPIRED = failure("0x80044352", "Version stamp associated with the client has expired. Please perform a full sync.")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(400, json=EXPIRED), CursorExpired),
        (Reply(412, json=EXPIRED), CursorExpired),
        (Reply(500, json=EXPIRED), CursorExpired),
        (Reply(503, json=EXPIRED), CursorExpired),
        (Reply(410), CursorExpired),
        (Reply(410, body=b"<html>Gone</html>"), CursorExpired),
        (Reply(400, json=failure("0x80040203", "Invalid argument")), CursorExpired),
        (Reply(400, json=failure("0x80060888", "Malformed XML in the Paging Cookie")), CursorExpired),
        (Reply(400, json=failure("0x80072491", "Entity contact isn't enabled for change tracking.")), TrackingOff),
        (Reply(403, json=failure("0x80072560", "The user is not a member of the organization.")), AccessDenied),
        (Reply(403, json=failure("0x80040220", "Principal user is missing prvReadContact privilege")), AccessDenied),
        (Reply(403, body=b"Forbidden"), AccessDenied),
        (Reply(404, json=failure("0x8006088A", "Resource not found for the segment 'ontacts'.")), TableMissing),
        (Reply(400, json=failure("0x8006088a", "Resource not found for the segment 'ontacts'.")), TableMissing),
        (Reply(404), TableMissing),
        (
            Reply(400, json=failure("0x80060888", "Could not find a property named 'fax' on type 'contact'.")),
            SchemaRefused,
        ),
        (Reply(500, json=failure("0x80040216", "An unexpected error occurred.")), Unavailable),
        (Reply(500, json=failure("0x80044151", "Generic SQL error.")), Unavailable),
        (Reply(500, body=b"<html>oops</html>"), Unavailable),
        (Reply(500, json=failure("0x80040265", "A plug-in failed.")), Unavailable),
        (Reply(500, json=failure("0x80060888", "Could not find a property named 'x' on type 'y'.")), Unavailable),
        (Reply(501, json=failure("0x8006088a", "Not supported")), Unavailable),
        (Reply(503, json=failure("0x80072491", "Entity contact isn't enabled for change tracking.")), TrackingOff),
        (Reply(502), Unavailable),
        (Reply(503, body=b"<html>Service Unavailable</html>"), Unavailable),
        (Reply(504), Unavailable),
        (Reply(400, json=failure("0x80048d19", "Error for 'ann@example.com'")), Refused),
        (Reply(400, json={"error": {"code": "", "message": None, "innererror": {}}}), Malformed),
        (Reply(400, json={"error": "text"}), Malformed),
        (Reply(418), Refused),
    ],
)
def test_error_answers_are_told_by_their_remedy(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, reply: Reply, error: type[ConnectorError]
) -> None:
    server.replies = [reply]
    with pytest.raises(error) as caught:
        dynamics.follow(contact, f"{server.origin}/x", COLUMNS, timeout=5)
    assert type(caught.value) is error
    assert "contacts" in caught.value.sentence
    assert "ann@" not in caught.value.sentence


@pytest.mark.parametrize(
    ("code", "message", "remedy"),
    [
        ("0x80072560", "The user is not a member of the organization.", "create an application user"),
        ("0x80040220", "Principal user is missing prvReadContact privilege", "prvReadContact"),
    ],
)
def test_denied_access_names_what_to_grant(
    server: OddServer, dynamics: Dynamics, code: str, message: str, remedy: str
) -> None:
    server.replies = [Reply(403, json=failure(code, message))]
    with pytest.raises(AccessDenied, match=remedy):
        dynamics.who_am_i(5)


@pytest.mark.parametrize(
    ("message", "column"),
    [
        ("Could not find a property named 'fax' on type 'Microsoft.Dynamics.CRM.contact'.", "fax"),
        ("Could not find a property named '_new_x_value' on type 'Microsoft.Dynamics.CRM.contact'.", "new_x"),
        ('Eine Eigenschaft mit dem Namen "_parentcustomerid_value" wurde nicht gefunden.', "parentcustomerid"),
        ("Propriété «lastname» introuvable", "lastname"),
    ],
)
def test_a_missing_column_is_named_in_every_language(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, message: str, column: str
) -> None:
    server.script = lambda call: Reply(400, json=failure("0x80060888", message))
    columns = ("lastname", "parentcustomerid")
    for ask in (
        lambda: dynamics.first_page(contact, columns, timeout=5),
        lambda: dynamics.follow(contact, f"{server.origin}/x", columns, timeout=5),
        lambda: dynamics.row(contact, ANN, columns, timeout=5),
    ):
        with pytest.raises(SchemaRefused, match=f"no column {column}$") as caught:
            ask()
        assert caught.value.field == column


def test_a_service_in_trouble_says_how_long_and_pauses_everybody(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, throttle: Any
) -> None:
    server.replies = [Reply(503, headers={"Retry-After": "30"})]
    with pytest.raises(Unavailable) as caught:
        dynamics.first_page(contact, COLUMNS, timeout=5)
    assert caught.value.wait == 30
    assert throttle.told == [30]


@pytest.mark.parametrize("code", ["0x80072321", "0x80072322", "0x80072326"])
@pytest.mark.parametrize("status", [400, 403, 429, 500])
def test_a_reached_limit_pauses_everybody_whatever_its_status(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, throttle: Any, status: int, code: str
) -> None:
    server.replies = [Reply(status, json=failure(code, "Limit exceeded."), headers={"Retry-After": "12"})]
    with pytest.raises(Throttled) as caught:
        dynamics.first_page(contact, COLUMNS, timeout=5)
    assert caught.value.wait == 12
    assert throttle.told == [12]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(404),
        Reply(400, json=failure("0x80060888")),
        Reply(403, json=failure("0x80040220")),
        Reply(500, json=failure("0x80040265")),
        Reply(503),
        Reply(reset=True),
        Reply(body=b"<html>"),
        Reply(json=[]),
        Reply(json={"x": 1}),
    ],
)
def test_a_count_that_dynamics_does_not_tell_is_none(server: OddServer, dynamics: Dynamics, reply: Reply) -> None:
    server.replies = [reply]
    assert dynamics.count("contact", 5) is None


def test_a_throttled_count_is_none_and_everybody_pauses(server: OddServer, dynamics: Dynamics, throttle: Any) -> None:
    server.replies = [Reply(429, headers={"Retry-After": "5"})]
    assert dynamics.count("contact", 5) is None
    assert throttle.told == [5]


@pytest.mark.parametrize("body", [b"", b'{"error":{"code":"0x80060891","mess', b"<html>", b'{"error":{}}'])
def test_a_refusal_without_a_reason_that_can_be_read_ends_nothing(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, body: bytes
) -> None:
    # Given a position that has expired, of which the answer has come torn
    server.replies = [Reply(400, body=body)]
    link = f"{server.origin}/api/data/v9.2/contacts?$deltatoken=1"
    # Then it is asked again, as after any torn answer
    with pytest.raises(Malformed, match=r"refused without a reason that can be read \(status 400\); it will be tried"):
        dynamics.follow(contact, link, COLUMNS, timeout=5)
