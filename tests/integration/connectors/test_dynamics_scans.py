"""Pages of rows without change tracking, against answers that are rare, wrong or hostile."""

from typing import Any
from urllib.parse import unquote

import pytest

from connectors.dynamics import Dynamics
from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_pages import Page, Row
from connectors.errors import ConnectorError, CursorExpired, ForeignLink, Malformed, Unavailable
from tests.integration.connectors.odd_server import OddServer, Reply

LOST = {"error": {"code": "0", "message": "Malformed XML in the Paging Cookie"}}
ANN = "00000000-0000-0000-0000-00000000000a"
COLUMNS = ("firstname", "parentcustomerid")
SINCE_MS, UNTIL_MS = 1_795_132_800_000, 1_795_219_200_500


def rows(*ids: str, **more: Any) -> Reply:
    found = [
        {"@odata.etag": 'W/"5"', "contactid": one, "firstname": "Ann", "_parentcustomerid_value": None} for one in ids
    ]
    return Reply(json={"value": found, **more})


def ask(dynamics: Dynamics, contact: DynamicsTable, link: str = "", **more: Any) -> Page:
    return dynamics.scan(contact, link, COLUMNS, timeout=5, page_size=50, **more)


def test_a_window_is_asked_for_page_by_page_in_the_order_of_ids_and_moves_no_change_token(
    server: OddServer, dynamics: Dynamics, contact: DynamicsTable
) -> None:
    server.replies = [rows(ANN, **{"@odata.nextLink": f"{server.origin}/n"}), rows()]
    first = ask(dynamics, contact, since_ms=SINCE_MS, until_ms=UNTIL_MS)
    assert first.rows == [Row(ANN, 5, {"firstname": "Ann", "parentcustomerid": None})]
    assert first.next_link is not None and ask(dynamics, contact, first.next_link) == Page([], None, None)
    asked, following = server.calls
    assert unquote(asked.path.partition("?")[2]) == (
        "$select=firstname,_parentcustomerid_value&$filter=modifiedon ge 2026-11-20T00:00:00.000Z and modifiedon lt "
        "2026-11-21T00:00:00.500Z&$orderby=contactid"
    )
    assert following.path == "/n"
    # The size of a page is asked for with each of them, and change tracking never.
    assert {call.headers["prefer"] for call in server.calls} == {"odata.maxpagesize=50"}


def test_all_rows_are_asked_for_without_a_filter(server: OddServer, dynamics: Dynamics, contact: DynamicsTable) -> None:
    server.replies = [rows()]
    ask(dynamics, contact)
    assert "$filter" not in unquote(server.calls[0].path)


@pytest.mark.parametrize(
    ("reply", "link", "error"),
    [
        (Reply(json={}), "", Malformed),
        (Reply(json={"value": {}}), "", Malformed),
        (Reply(json={"value": [{"contactid": ANN}]}), "", Malformed),
        (Reply(json={"value": [{"id": ANN, "reason": "deleted"}]}), "", Malformed),
        (Reply(json={"value": [], "@odata.nextLink": 7}), "", Malformed),
        (Reply(503), "", Unavailable),
        (Reply(400, json=LOST), "/n", CursorExpired),
        (None, "https://elsewhere.test/n", ForeignLink),
    ],
)  # fmt: skip
def test_what_is_no_page_is_none(
    server: OddServer,
    dynamics: Dynamics,
    contact: DynamicsTable,
    reply: Reply | None,
    link: str,
    error: type[ConnectorError],
) -> None:
    server.replies = [reply] if reply else []
    with pytest.raises(error):
        ask(dynamics, contact, f"{server.origin}{link}" if link.startswith("/") else link)
