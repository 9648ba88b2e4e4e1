"""The read side of Dynamics 365: who we are, what tables look like, and their rows with change tracking.

learn.microsoft.com: Use change tracking to synchronize data with external systems; Page results.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any

from config.connections import DynamicsConnection
from connectors.auth import entra_token
from connectors.dynamics_errors import error_of, is_throttling
from connectors.dynamics_metadata import DynamicsTable, cast_path, table_of, table_path
from connectors.dynamics_pages import FORMATTED, ColumnsMissing, Page, rows_of
from connectors.errors import ConnectorError, CursorExpired, TableMissing
from connectors.http import Authorization, Http, Throttle
from connectors.wire import Answer

#: Rows on a page; Dynamics serves no more (learn.microsoft.com, Web API: page results).
LARGEST_PAGE = 5000

HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "OData-MaxVersion": "4.0",
    "OData-Version": "4.0",
    "User-Agent": "d365acs",
}


class Dynamics:
    """One organisation, shared by all threads of a process. Every `timeout` is the seconds left to the caller.

    Every method may raise TryAgain and Stop and what these stand for (see `connectors.errors`).
    """

    def __init__(
        self,
        connection: DynamicsConnection,
        throttle: Throttle,
        token: Authorization | None = None,
        refusal_patience: float = 0.0,
    ) -> None:
        self._http = Http(
            "dynamics",
            connection.api_root,
            token or entra_token(connection),
            throttle,
            HEADERS,
            connection.concurrency,
            refusal_patience,
        )

    def who_am_i(self, timeout: float) -> str:
        """The application user's id: the cheapest proof that address, credentials and user are good."""
        answer = self._get("WhoAmI", "WhoAmI", timeout)
        user = answer.object().get("UserId")
        if not isinstance(user, str):
            raise answer.malformed("the answer names no user")
        return user

    def table(self, name: str, timeout: float) -> DynamicsTable:
        """The definition of a table: one request, and one more for each kind of column that has more to tell.

        Raises TableMissing.
        """
        deadline = time.monotonic() + timeout
        if not re.fullmatch(r"\w+", name):
            raise TableMissing("dynamics", "a table's logical name is made of letters, digits and underscores")
        about = f"definition of {name}"
        answer = self._get(table_path(name), about, timeout, table=name)

        def cast(kind: str) -> list[dict[str, Any]]:
            answer = self._get(cast_path(name, kind), about, deadline - time.monotonic(), table=name)
            found: list[dict[str, Any]] = answer.object()["value"]
            return found

        try:
            return table_of(answer.object(), cast)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise answer.malformed("the definition has not the promised shape") from None

    def count(self, table: str, timeout: float) -> int | None:
        """How many rows the table has, up to a day old; None where Dynamics does not tell. Raises nothing: it is only
        for showing.
        """
        try:
            answer = self._get(
                f"RetrieveTotalRecordCount(EntityNames=['{table}'])",
                f"count of {table}",
                timeout,
                table=table,
            )
            counted = answer.object()["EntityRecordCountCollection"]
            return int(dict(zip(counted["Keys"], counted["Values"], strict=True))[table])
        except (ConnectorError, KeyError, TypeError, ValueError):
            return None

    def first_page(
        self,
        table: DynamicsTable,
        columns: Sequence[str],
        *,
        timeout: float,
        labels: bool = False,
        page_size: int = LARGEST_PAGE,
    ) -> Page:
        """Begin a full read; its last page carries the delta link. `labels` adds "column@label" values.

        Raises TrackingOff, TableMissing.
        """
        selected = ",".join(columns) or table.primary_id
        answer = self._get(
            f"{table.set_name}?$select={selected}",
            table.set_name,
            timeout,
            table=table.name,
            headers={"Prefer": _preferences(labels, page_size)},
        )
        try:
            return _page(answer, table, columns, labels)
        except ColumnsMissing as missing:
            raise answer.malformed(f"rows came without the column {missing}") from None

    def follow(
        self,
        table: DynamicsTable,
        link: str,
        columns: Sequence[str],
        *,
        timeout: float,
        labels: bool = False,
        page_size: int = LARGEST_PAGE,
    ) -> Page:
        """The page behind a next link or a delta link, whose columns must be those it was made with.

        Raises CursorExpired (also when the link was made for other columns), ForeignLink, TrackingOff, TableMissing.
        """
        answer = self._get(
            link,
            table.set_name,
            timeout,
            table=table.name,
            headers={"Prefer": _preferences(labels, page_size)},
            following=True,
        )
        try:
            return _page(answer, table, columns, labels)
        except ColumnsMissing as missing:
            raise CursorExpired(
                "dynamics",
                f"{answer.about}: the reading position was made without the column {missing}; a full read is needed",
            ) from None

    def close(self) -> None:
        self._http.close()

    def _get(
        self,
        path: str,
        about: str,
        timeout: float,
        *,
        table: str = "",
        headers: dict[str, str] | None = None,
        following: bool = False,
    ) -> Answer:
        answer = self._http.request("GET", path, about=about, timeout=timeout, headers=headers)
        if answer.status >= 400:
            if is_throttling(answer):
                raise self._http.throttled(answer)
            raise error_of(answer, table, following=following)
        return answer


def _preferences(labels: bool, page_size: int) -> str:
    wanted = f"odata.track-changes,odata.maxpagesize={min(page_size, LARGEST_PAGE)}"
    return f'{wanted},odata.include-annotations="{FORMATTED}"' if labels else wanted


def _page(answer: Answer, table: DynamicsTable, columns: Sequence[str], labels: bool) -> Page:
    found = answer.object()
    next_link, delta_link = found.get("@odata.nextLink"), found.get("@odata.deltaLink")
    try:
        rows = rows_of(found["value"], table.primary_id, columns, labels)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise answer.malformed("the page has not the promised shape") from None
    for link in (next_link, delta_link):
        if link is not None and not isinstance(link, str):
            raise answer.malformed("a link of the page is not a text")
    if not next_link and not delta_link:
        # Going on without a link would lose every later change in silence.
        raise answer.malformed("the last page carries no delta link")
    return Page(rows, next_link or None, None if next_link else delta_link)
