"""Rows as they are now, and changes under the condition that they still are, against answers that are rare or wrong."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import orjson
import pytest

from connectors.dynamics import MOST_IDS, Dynamics
from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_rows import CurrentRow
from connectors.dynamics_updates import Update, Updated
from connectors.errors import (
    Changed,
    ConditionsOff,
    ConnectorError,
    ForeignLink,
    Malformed,
    NotFound,
    Refused,
    SchemaRefused,
    TableMissing,
    Throttled,
    Unavailable,
    Unreachable,
)
from tests.integration.connectors.conftest import Pauses
from tests.integration.connectors.odd_server import Call, OddServer, Reply
from tests.unit.connectors.batches import batch_body
from tests.unit.connectors.test_dynamics_updates import GONE, OTHER_VERSION, changed

ANN = "00000000-0000-4000-8000-00000000000a"
BOB = "00000000-0000-4000-8000-00000000000b"
CAT = "00000000-0000-4000-8000-00000000000c"
COLUMNS = ("donotemail", "parentcustomerid")
MODIFIED = "2026-03-02T10:18:20Z"
MODIFIED_MS = 1_772_446_700_000
ROW = {
    "@odata.etag": 'W/"0072"',
    "donotemail": True,
    "_parentcustomerid_value": None,
    "modifiedon": MODIFIED,
    "contactid": ANN,
}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in ROW.items() if key != name}


# Rows as they are now


def test_rows_are_told_as_they_are_now_in_one_call(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    server.replies = [Reply(json={"value": [{**ROW, "contactid": ANN.upper()}]})]
    found = dynamics.current(contact, [BOB, ANN.upper()], COLUMNS, 5)
    # Then the version is verbatim, and who is not there is not told
    assert found == {ANN: CurrentRow(ANN, 'W/"0072"', MODIFIED_MS, {"donotemail": True, "parentcustomerid": None})}
    [call] = server.calls
    path, _, query = call.path.partition("?")
    assert path == "/api/data/v9.2/contacts"
    assert unquote(query) == (
        "$select=donotemail,_parentcustomerid_value,modifiedon&$filter=Microsoft.Dynamics.CRM.In"
        f'(PropertyName=\'contactid\',PropertyValues=["{ANN}","{BOB}"])'
    )


def test_a_column_is_asked_for_once(server: OddServer, dynamics: Dynamics, contact: DynamicsTable) -> None:
    server.replies = [Reply(json={"value": [ROW]})]
    assert dynamics.current(contact, [ANN], ["modifiedon"], 5)[ANN].values == {"modifiedon": MODIFIED}
    assert "?$select=modifiedon&" in server.calls[0].path


def test_rows_on_several_pages_are_all_told(server: OddServer, dynamics: Dynamics, contact: DynamicsTable) -> None:
    server.replies = [
        Reply(json={"value": [ROW], "@odata.nextLink": f"{server.origin}/more"}),
        Reply(json={"value": [{**ROW, "contactid": BOB}]}),
    ]
    assert dynamics.current(contact, [ANN, BOB], COLUMNS, 5).keys() == {ANN, BOB}
    assert server.calls[1].path == "/more"


def test_as_many_rows_as_allowed_fit_into_an_address(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    server.replies = [Reply(json={"value": []})]
    ids = [f"00000000-0000-4000-8000-{number:012x}" for number in range(MOST_IDS)]
    assert dynamics.current(contact, ids, COLUMNS * 20, 5) == {}
    assert len(server.calls[0].path) < 32_768
    with pytest.raises(ValueError, match="at most 100"):
        dynamics.current(contact, [*ids, ANN], COLUMNS, 5)
    assert dynamics.current(contact, [], COLUMNS, 5) == {}
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    "row",
    [
        without("@odata.etag"),
        {**ROW, "@odata.etag": ""},
        {**ROW, "@odata.etag": "*"},
        {**ROW, "@odata.etag": 72},
        without("modifiedon"),
        {**ROW, "modifiedon": None},
        {**ROW, "modifiedon": "2026-03-02"},
        without("donotemail"),
        without("contactid"),
        {**ROW, "contactid": CAT},
        {},
        None,
    ],
)
def test_a_row_that_is_not_told_whole_is_asked_for_again(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, row: object
) -> None:
    server.replies = [Reply(json={"value": [row]})]
    with pytest.raises(Malformed):
        dynamics.current(contact, [ANN], COLUMNS, 5)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"value":null}', b'{"value":[],"@odata.nextLink":5}'])
def test_an_odd_page_takes_no_row_for_gone(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, body: bytes
) -> None:
    server.replies = [Reply(body=body)]
    with pytest.raises(Malformed):
        dynamics.current(contact, [ANN], COLUMNS, 5)


def test_errors_of_rows_are_named_by_their_remedy(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    unknown = "Could not find a property named 'donotemail' on type 'Microsoft.Dynamics.CRM.contact'."
    replies: list[tuple[Reply, type[ConnectorError]]] = [
        (Reply(400, json={"error": {"code": "0x80060888", "message": unknown}}), SchemaRefused),
        (Reply(404), TableMissing),
        (Reply(json={"value": [ROW], "@odata.nextLink": "https://elsewhere.example/n"}), ForeignLink),
    ]
    for reply, error in replies:
        server.replies = [reply]
        with pytest.raises(error):
            dynamics.current(contact, [ANN], COLUMNS, 5)
    with pytest.raises(Refused, match="no guid"):
        dynamics.current(contact, ["x"], COLUMNS, 5)


# One change


def update(dynamics: Dynamics, contact: DynamicsTable, etag: str = 'W/"0072"') -> Updated:
    return dynamics.update(contact, ANN.upper(), {"donotemail": True}, etag, 5)


def test_a_change_is_one_call_under_the_condition_of_the_version(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    server.replies = [Reply(json={"@odata.etag": 'W/"0073"', "modifiedon": MODIFIED, "contactid": ANN.upper()})]
    assert update(dynamics, contact) == Updated('W/"0073"', MODIFIED_MS)
    [call] = server.calls
    assert (call.method, call.path) == ("PATCH", f"/api/data/v9.2/contacts({ANN})?$select=modifiedon")
    assert call.headers["if-match"] == 'W/"0072"'
    assert call.headers["prefer"] == "return=representation"
    assert call.headers["content-type"] == "application/json"
    assert orjson.loads(call.body) == {"donotemail": True}


def test_a_version_may_stand_in_the_header_alone(server: OddServer, dynamics: Dynamics, contact: DynamicsTable) -> None:
    server.replies = [Reply(json={"contactid": ANN}, headers={"ETag": 'W/"0073"'})]
    assert update(dynamics, contact) == Updated('W/"0073"', None)


@pytest.mark.parametrize("etag", ["", "*", "72", 'W/"72"\r\nX: y', 'W/"72", W/"73"'])
def test_a_change_without_a_version_is_not_sent(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, etag: str
) -> None:
    for act in (
        lambda: update(dynamics, contact, etag),
        lambda: dynamics.update_all([Update(contact, ANN, {}, etag)], 5),
    ):
        with pytest.raises(ValueError, match="version"):
            act()
    assert server.calls == []


@pytest.mark.parametrize("id_", ["", "x", f"{ANN})", "../contacts", f"{ANN}\n"])
def test_a_change_of_what_is_no_row_is_not_sent(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, id_: str
) -> None:
    with pytest.raises(Refused, match="no guid"):
        dynamics.update(contact, id_, {}, 'W/"1"', 5)
    assert server.calls == []


VERSION = {"error": {"code": "0x80060882", "message": "The version of the existing record doesn't match."}}
MISSING = {"error": {"code": "0x80040217", "message": f"contact With Id = {ANN} Does Not Exist"}}
LIMIT = {"error": {"code": "0x80072321", "message": "Combined execution time exceeded."}}


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(412, json=VERSION), Changed),
        (Reply(412), Changed),
        (Reply(404, json=MISSING), NotFound),
        (Reply(404), Malformed),  # of a gateway: the row may well be there
        (Reply(428), ConditionsOff),
        (Reply(501), ConditionsOff),
        (Reply(503, json=LIMIT), Throttled),
        (Reply(503), Unavailable),
        (Reply(reset=True), Unreachable),
        (Reply(204), Malformed),
        (Reply(204, headers={"OData-EntityId": f"https://x.example/api/data/v9.2/contacts({ANN})"}), Malformed),
        (Reply(201, json={"@odata.etag": 'W/"1"', "contactid": ANN}), Malformed),
        (Reply(body=b"<html>"), Malformed),
        (Reply(json={"@odata.etag": 'W/"1"', "contactid": BOB}), Malformed),
        (Reply(json={"contactid": ANN}), Malformed),
        (Reply(json={"@odata.etag": "*", "contactid": ANN}), Malformed),
    ],
)
def test_what_became_of_a_change_is_named_by_its_remedy(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, reply: Reply, error: type[ConnectorError]
) -> None:
    server.script = lambda call: reply
    with pytest.raises(error) as caught:
        update(dynamics, contact)
    assert type(caught.value) is error
    assert ANN not in caught.value.sentence.lower()
    # Then a change is never sent twice: only the caller knows what is still right
    assert len(server.calls) == 1


# Many changes


class Contacts:
    """A script that keeps rows as Dynamics would: each in one version."""

    def __init__(self, *ids: str) -> None:
        self.versions = dict.fromkeys(ids, 1)

    def __call__(self, call: Call) -> Reply:
        boundary = re.search(r'boundary="(.+)"', call.headers["content-type"])
        assert boundary
        found = []
        for part in call.body.split(b"--" + boundary[1].encode())[1:-1]:
            _, head, _ = part.split(b"\r\n\r\n", 2)
            line = re.match(r"PATCH /api/data/v9\.2/contacts\(([0-9a-f-]{36})\)\?\$select=modifiedon ", head.decode())
            condition = re.search(r'If-Match: W/"(\d+)"', head.decode())
            assert line and condition
            id_, version = line[1], self.versions.get(line[1])
            if version is None:
                found.append(GONE)
            elif version != int(condition[1]):
                found.append(OTHER_VERSION)
            else:
                self.versions[id_] = version + 1
                found.append(changed(Update(CONTACTS, id_, {}, ""), f'W/"{version + 1}"'))
        return Reply(body=batch_body(found), headers={"Content-Type": "multipart/mixed; boundary=batchresponse_1"})


CONTACTS = DynamicsTable("contact", "contacts", "contactid", True, {})


def test_many_changes_are_one_call_each_under_its_own_condition(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    # Given two rows, of which one was changed since it was read, and one that is gone
    rows = Contacts(ANN, BOB)
    rows.versions[BOB] = 7
    server.script = rows
    changes = [Update(contact, id_, {"donotemail": True}, 'W/"1"') for id_ in (ANN.upper(), BOB, CAT)]
    # When all three are to be changed
    first, second, third = dynamics.update_all(changes, 5)
    # Then each is told its own, and only the first one was
    assert first == Updated('W/"2"', MODIFIED_MS)
    assert isinstance(second, Changed) and isinstance(third, NotFound)
    assert rows.versions == {ANN: 2, BOB: 7}
    [call] = server.calls
    assert (call.method, call.path) == ("POST", "/api/data/v9.2/$batch")
    assert call.headers["prefer"] == "odata.continue-on-error"


def test_the_same_changes_again_overwrite_nothing(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    # Given changes whose answer was lost
    rows = Contacts(ANN, BOB)
    server.script = rows
    changes = [Update(contact, id_, {"donotemail": True}, 'W/"1"') for id_ in (ANN, BOB)]
    dynamics.update_all(changes, 5)
    # When they are sent again
    again = dynamics.update_all(changes, 5)
    # Then the rows are known to be others by now
    assert [type(one) for one in again] == [Changed, Changed]
    assert rows.versions == {ANN: 2, BOB: 2}


def test_nothing_to_change_asks_nobody(server: OddServer, dynamics: Dynamics) -> None:
    assert dynamics.update_all([], 5) == []
    assert server.calls == []


def test_an_answer_that_is_none_to_a_batch_is_the_error_of_all_changes(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, throttle: Pauses
) -> None:
    changes = [Update(contact, ANN, {"donotemail": True}, 'W/"1"')]
    replies: list[tuple[Reply, type[ConnectorError]]] = [
        (Reply(429, headers={"Retry-After": "17"}), Throttled),
        (Reply(503), Unavailable),
        (Reply(413), Refused),
        (Reply(200, json={}), Malformed),
    ]
    for reply, error in replies:
        server.replies = [reply]
        with pytest.raises(error):
            dynamics.update_all(changes, 5)
    assert throttle.told == [17]
