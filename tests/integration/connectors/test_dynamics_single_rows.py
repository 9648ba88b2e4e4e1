"""Single rows of Dynamics, and which of many are there, against answers that are rare, wrong or hostile."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest

from connectors.dynamics import MOST_IDS, Dynamics
from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_pages import FORMATTED, LOOKUP_TABLE, Row
from connectors.errors import ConnectorError, ForeignLink, Malformed, Refused, TableMissing, Throttled, Unavailable
from tests.integration.connectors.odd_server import OddServer, Reply

ANN = "00000000-0000-0000-0000-00000000000a"
BOB = "00000000-0000-0000-0000-00000000000b"
CAT = "00000000-0000-0000-0000-00000000000c"
GONE = {"error": {"code": "0x80040217", "message": f"contact With Id = {ANN} Does Not Exist"}}


def there(*ids: str, **more: Any) -> Reply:
    return Reply(json={"value": [{"@odata.etag": 'W/"1"', "contactid": id_} for id_ in ids], **more})


def test_a_row_is_one_call_and_told_like_a_row_of_a_page(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    server.replies = [
        Reply(
            json={
                "@odata.context": "https://x.example/$metadata#contacts(gendercode)/$entity",
                "@odata.etag": 'W/"7"',
                f"gendercode@{FORMATTED}": "Female",
                "gendercode": 2,
                f"_parentcustomerid_value@{LOOKUP_TABLE}": "account",
                "_parentcustomerid_value": BOB,
                "contactid": ANN,
            }
        )
    ]
    columns = ("gendercode", "parentcustomerid")
    row = dynamics.row(contact, ANN.upper(), columns, labels=["gendercode"], tables=["parentcustomerid"], timeout=5)
    assert row == Row(
        ANN,
        7,
        {"gendercode": 2, "gendercode@label": "Female", "parentcustomerid": BOB, "parentcustomerid@table": "account"},
    )
    [call] = server.calls
    assert call.path == f"/api/data/v9.2/contacts({ANN})?$select=gendercode,_parentcustomerid_value"
    assert call.headers["prefer"] == f'odata.include-annotations="{FORMATTED},{LOOKUP_TABLE}"'


def test_a_row_without_columns_proves_that_it_is_there(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    server.replies = [Reply(json={"@odata.etag": 'W/"7"', "contactid": ANN})]
    assert dynamics.row(contact, ANN, (), timeout=5) == Row(ANN, 7, {})
    assert server.calls[0].path == f"/api/data/v9.2/contacts({ANN})?$select=contactid"
    assert "prefer" not in server.calls[0].headers


def test_a_row_that_is_not_there_is_none(server: OddServer, dynamics: Dynamics, contact: DynamicsTable) -> None:
    server.replies = [Reply(404, json=GONE)]
    assert dynamics.row(contact, ANN, ["firstname"], timeout=5) is None


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        # Only the code of a missing row says that the row is missing: a table or an address may be.
        (Reply(404), TableMissing),
        (Reply(404, json={"error": {"code": "0x8006088a", "message": "Resource not found"}}), TableMissing),
        (Reply(500, json=GONE), Unavailable),
        (Reply(503), Unavailable),
        (Reply(500, json={"error": {"code": "0x80072322", "message": "Limit"}}), Throttled),
        (Reply(body=b"[]"), Malformed),
        (Reply(json={"contactid": ANN, "firstname": "Ann"}), Malformed),  # no version
        (Reply(json={"@odata.etag": 'W/"7"', "contactid": ANN}), Malformed),  # not the asked column
        (Reply(json={"@odata.etag": 'W/"7"', "firstname": "Ann"}), Malformed),
    ],
)
def test_no_other_answer_says_that_a_row_is_not_there(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, reply: Reply, error: type[ConnectorError]
) -> None:
    server.replies = [reply]
    with pytest.raises(error) as caught:
        dynamics.row(contact, ANN, ["firstname"], timeout=5)
    assert type(caught.value) is error
    assert ANN not in caught.value.sentence


def test_existing_rows_are_asked_for_in_one_call(server: OddServer, dynamics: Dynamics, contact: DynamicsTable) -> None:
    server.replies = [there(ANN.upper(), CAT)]
    assert dynamics.existing(contact, [CAT, ANN, BOB.upper(), ANN], 5) == {ANN, CAT}
    [call] = server.calls
    path, _, query = call.path.partition("?")
    assert path == "/api/data/v9.2/contacts"
    assert unquote(query) == (
        "$select=contactid&$filter=Microsoft.Dynamics.CRM.In"
        f'(PropertyName=\'contactid\',PropertyValues=["{ANN}","{BOB}","{CAT}"])'
    )


def test_existing_rows_on_several_pages_are_all_found(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    server.replies = [there(ANN, **{"@odata.nextLink": f"{server.origin}/n"}), there(), there()]
    server.replies[1:] = [there(**{"@odata.nextLink": f"{server.origin}/m"}), there(BOB)]
    assert dynamics.existing(contact, [ANN, BOB], 5) == {ANN, BOB}
    assert [call.path for call in server.calls][1:] == ["/n", "/m"]


def test_as_many_ids_as_allowed_fit_into_an_address(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    server.replies = [there()]
    ids = [f"00000000-0000-0000-0000-{number:012x}" for number in range(MOST_IDS)]
    assert dynamics.existing(contact, ids, 5) == set()
    assert len(server.calls[0].path) < 32_768
    with pytest.raises(ValueError, match="at most 100"):
        dynamics.existing(contact, [*ids, ANN], 5)


def test_nothing_is_asked_about_nothing(server: OddServer, dynamics: Dynamics, contact: DynamicsTable) -> None:
    assert dynamics.existing(contact, [], 5) == set()
    assert server.calls == []


@pytest.mark.parametrize("id_", ["", "x", f"{ANN})", f"{ANN},b", "../contacts", f"{ANN}\n"])
def test_an_id_that_is_no_guid_is_refused_without_a_call(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, id_: str
) -> None:
    for ask in (lambda: dynamics.row(contact, id_, (), timeout=5), lambda: dynamics.existing(contact, [id_], 5)):
        with pytest.raises(Refused, match="no guid"):
            ask()
    assert server.calls == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b""),
        Reply(json=[]),
        Reply(json={}),
        Reply(json={"value": None}),
        Reply(json={"value": {}}),
        Reply(json={"value": [{}]}),
        Reply(json={"value": [{"contactid": None}]}),
        Reply(json={"value": [], "@odata.nextLink": 5}),
        there(CAT),  # a filter that is ignored says nothing about what is not there
        there(ANN, **{"@odata.nextLink": "n"}),
    ],
)
def test_an_odd_answer_takes_no_row_for_gone(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, reply: Reply
) -> None:
    server.replies = [reply]
    server.script = lambda call: Reply(body=b"<html>")
    with pytest.raises(Malformed):
        dynamics.existing(contact, [ANN, BOB], 5)


def test_a_foreign_link_to_more_existing_rows_is_not_followed(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    server.replies = [there(ANN, **{"@odata.nextLink": "https://elsewhere.example/n"})]
    with pytest.raises(ForeignLink):
        dynamics.existing(contact, [ANN, BOB], 5)
