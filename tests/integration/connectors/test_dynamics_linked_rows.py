"""Rows of Dynamics that link to given records, against answers that are rare, wrong or hostile."""

from typing import Any
from urllib.parse import unquote

import pytest

from connectors.dynamics import MOST_LINKED, Dynamics
from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_pages import Row
from connectors.errors import ConnectorError, ForeignLink, Malformed, Refused, TableMissing, Unavailable
from tests.integration.connectors.odd_server import OddServer, Reply

ANN = "00000000-0000-0000-0000-00000000000a"
BOB = "00000000-0000-0000-0000-00000000000b"
FIRM = "00000000-0000-0000-0000-00000000000f"
COLUMNS = ("firstname", "parentcustomerid")


def linked(*ids: str, **more: Any) -> Reply:
    rows = [
        {"@odata.etag": 'W/"5"', "contactid": id_, "firstname": "Ann", "_parentcustomerid_value": FIRM} for id_ in ids
    ]
    return Reply(json={"value": rows, **more})


def ask(dynamics: Dynamics, contact: DynamicsTable, *ids: str) -> list[Row]:
    """All pages."""
    page = dynamics.linked(contact, "parentcustomerid", ids, COLUMNS, timeout=5, page_size=7)
    rows = page.rows
    while page.next_link:
        page = dynamics.linked(contact, "parentcustomerid", ids, COLUMNS, page.next_link, timeout=5, page_size=7)
        rows += page.rows
    return rows


def test_rows_are_found_by_their_lookup_page_by_page(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    server.replies = [linked(ANN, **{"@odata.nextLink": f"{server.origin}/n"}), linked(BOB)]
    found = ask(dynamics, contact, FIRM.upper(), ANN)
    assert found == [Row(id_, 5, {"firstname": "Ann", "parentcustomerid": FIRM}) for id_ in (ANN, BOB)]
    first, second = server.calls
    path, _, query = first.path.partition("?")
    assert path == "/api/data/v9.2/contacts"
    assert unquote(query) == (
        "$select=firstname,_parentcustomerid_value"
        f"&$filter=_parentcustomerid_value eq {FIRM} or _parentcustomerid_value eq {ANN}"
        # Whatever changes between two pages, none is passed over.
        "&$orderby=contactid"
    )
    # Asked in passing: nobody's reading position moves.
    assert [call.headers["prefer"] for call in (first, second)] == ["odata.maxpagesize=7"] * 2
    assert second.path == "/n"


def test_nothing_links_to_nothing_and_a_question_has_a_limit(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    assert ask(dynamics, contact) == []
    assert server.calls == []
    server.replies = [linked()]
    ids = [f"00000000-0000-0000-0000-{number:012x}" for number in range(MOST_LINKED)]
    assert ask(dynamics, contact, *ids) == []
    assert len(server.calls[0].path) < 32_768
    with pytest.raises(ValueError, match="at most 50"):
        ask(dynamics, contact, *ids, ANN)


def test_an_id_that_is_no_guid_asks_nobody(server: OddServer, dynamics: Dynamics, contact: DynamicsTable) -> None:
    with pytest.raises(Refused, match="no guid"):
        ask(dynamics, contact, f"{ANN} or contactid ne null")
    assert server.calls == []


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(404), TableMissing),
        (Reply(503), Unavailable),
        (Reply(json={}), Malformed),
        (Reply(json={"value": [{"contactid": ANN}]}), Malformed),
        (Reply(json={"value": [{"@odata.etag": 'W/"5"', "contactid": ANN, "firstname": "Ann"}]}), Malformed),
        (linked(ANN, **{"@odata.nextLink": 5}), Malformed),
        (linked(ANN, **{"@odata.nextLink": "https://elsewhere.example/n"}), ForeignLink),
    ],
)
def test_an_odd_answer_is_no_list_of_rows(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable, reply: Reply, error: type[ConnectorError]
) -> None:
    server.replies = [reply]
    with pytest.raises(error) as caught:
        ask(dynamics, contact, FIRM)
    assert type(caught.value) is error
