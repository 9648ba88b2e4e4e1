"""Pages of the rows of a table without change tracking: all of them, or those last changed within a window of time.

Change tracking allows no `$filter`, plain questions do, and page on by a link that names the last row of the page
(learn.microsoft.com, Web API: filter rows; page results). Rows come in the order of their ids: one that changes while
the scan goes on is neither passed over nor moved behind it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

from connectors.dynamics_http import DynamicsHttp
from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_pages import LARGEST_PAGE, ColumnsMissing, Page, Wanted, items_of, preferring, selected
from connectors.dynamics_rows import MODIFIED


def address(table: DynamicsTable, wanted: Wanted, since_ms: int | None, until_ms: int | None) -> str:
    """The first page's. Times in ms since 1970: from the first one on, before the second one."""
    bounds = [("ge", since_ms), ("lt", until_ms)]
    rules = [f"{MODIFIED} {operator} {_iso(at_ms)}" for operator, at_ms in bounds if at_ms is not None]
    narrowed = f"&$filter={quote(' and '.join(rules), safe='')}" if rules else ""
    return f"{table.set_name}?$select={selected(table, wanted)}{narrowed}&$orderby={table.primary_id}"


def scan(
    http: DynamicsHttp, table: DynamicsTable, wanted: Wanted, link: str, following: bool, page_size: int, timeout: float
) -> Page:
    """The page behind an address. Raises CursorExpired where the server does not know the link any more."""
    answer = http.get(
        link,
        table.set_name,
        timeout,
        table=table.name,
        headers=preferring(wanted, f"odata.maxpagesize={min(page_size, LARGEST_PAGE)}"),
        following=following,
        properties=wanted.properties,
    )
    found = answer.object()
    next_link = found.get("@odata.nextLink")
    try:
        if not isinstance(next_link, str | None):
            raise TypeError
        rows = wanted.rows(items_of(found))
    except ColumnsMissing as missing:
        raise answer.malformed(f"rows came without the column {missing}") from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise answer.malformed("the page has not the promised shape") from None
    if any(row.values is None for row in rows):
        raise answer.malformed("a page of rows tells of deletions")
    return Page(rows, next_link or None, None)


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
