"""Dynamics 365: who we are, what tables look like, their rows with change tracking, and what is written to them.

learn.microsoft.com: Use change tracking to synchronize data with external systems; Page results.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from config.connections import DynamicsConnection
from connectors import dynamics_rows, dynamics_scans, dynamics_updates
from connectors.auth import entra_token
from connectors.dynamics_activities import (
    ACTIVITIES_PATH,
    ActivitySummary,
    ActivityTable,
    activities_of,
    activity_of,
    links_path,
)
from connectors.dynamics_creates import PREFER, Create, outcomes, written
from connectors.dynamics_errors import is_no_such_row
from connectors.dynamics_http import DynamicsHttp
from connectors.dynamics_metadata import TABLES_PATH, DynamicsTable, TableSummary, summaries_of, table_of, table_path
from connectors.dynamics_pages import (
    LARGEST_PAGE,
    ColumnsMissing,
    Page,
    Row,
    Wanted,
    items_of,
    page_of,
    paging,
    preferring,
    selected,
)
from connectors.dynamics_rights import Reach, held_path, privileges_of, privileges_path, reach_of
from connectors.dynamics_rows import MOST_IDS, MOST_LINKED, CurrentRow, guid
from connectors.dynamics_updates import Update, Updated
from connectors.errors import ConnectorError, CursorExpired, Refused, Stop, TableMissing
from connectors.http import Authorization, Throttle
from connectors.uptime import uptime

__all__ = ["HEADERS", "MOST_IDS", "MOST_LINKED", "Dynamics"]

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
        self._http = DynamicsHttp(
            "dynamics",
            connection.api_root,
            token or entra_token(connection),
            throttle,
            HEADERS,
            connection.concurrency,
            refusal_patience,
        )
        self.clock = self._http.clock
        """Dynamics' clock as its answers show it."""
        self._api_path = urlsplit(connection.api_root).path

    def who_am_i(self, timeout: float) -> str:
        """The application user's id: the cheapest proof that address, credentials and user are good."""
        answer = self._http.get("WhoAmI", "WhoAmI", timeout)
        user = answer.object().get("UserId")
        if not isinstance(user, str):
            raise answer.malformed("the answer names no user")
        return user

    def privileges(self, table: str, timeout: float) -> dict[str, str]:
        """Which privileges are about a table, by what they allow: Create -> prvCreateContact. Raises TableMissing."""
        answer = self._http.get(privileges_path(table), f"privileges of {table}", timeout, table=table)
        try:
            return privileges_of(answer.object())
        except (KeyError, TypeError, ValueError):
            raise answer.malformed("the privileges have not the promised shape") from None

    def reach(self, user_id: str, privilege: str, timeout: float) -> Reach:
        """How far a user has a privilege, by roles and teams; `user_id` as `who_am_i` answers it."""
        user = guid(user_id, "systemusers")
        answer = self._http.get(held_path(user, privilege), "privileges of the application user", timeout)
        try:
            return reach_of(answer.object())
        except (KeyError, TypeError):
            raise answer.malformed("the privileges have not the promised shape") from None

    def table(self, name: str, timeout: float) -> DynamicsTable:
        """The definition of a table: one request, and one more for each kind of column that has more to tell.

        Raises TableMissing.
        """
        deadline = uptime() + timeout
        if not re.fullmatch(r"\w+", name):
            raise TableMissing("dynamics", "a table's logical name is made of letters, digits and underscores")
        about = f"definition of {name}"
        answer = self._http.get(table_path(name), about, timeout, table=name)

        def cast(address: str) -> list[dict[str, Any]]:
            answer = self._http.get(address, about, deadline - uptime(), table=name)
            return items_of(answer.object())

        try:
            return table_of(answer.object(), cast)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise answer.malformed("the definition has not the promised shape") from None

    def tables(self, timeout: float) -> list[TableSummary]:
        """All tables whose rows can be asked for, by name, in one request. Raises nothing of its own."""
        answer = self._http.get(TABLES_PATH, "definitions of tables", timeout)
        try:
            return summaries_of(items_of(answer.object()))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise answer.malformed("the definitions have not the promised shape") from None

    def activities(self, timeout: float) -> list[ActivitySummary]:
        """The custom activity tables, by name, in one request. Raises nothing of its own."""
        answer = self._http.get(ACTIVITIES_PATH, "definitions of activity tables", timeout)
        try:
            return activities_of(items_of(answer.object()))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise answer.malformed("the definitions have not the promised shape") from None

    def activity(self, name: str, timeout: float) -> ActivityTable:
        """The definition of an activity table: the requests of `table`, and one for what its rows may regard.

        Raises TableMissing, also for a table whose rows cannot regard a contact.
        """
        deadline = uptime() + timeout
        table = self.table(name, timeout)
        answer = self._http.get(links_path(name), f"definition of {name}", deadline - uptime(), table=name)
        try:
            found = activity_of(table, items_of(answer.object()))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise answer.malformed("the definition has not the promised shape") from None
        if found is None:
            raise TableMissing(
                "dynamics",
                f"table {name} of Dynamics is there, but its rows cannot regard a contact; name a table of activities",
            )
        return found

    def create_absent(self, creates: Sequence[Create], timeout: float) -> list[bool | ConnectorError]:
        """Create those of these rows, MOST_OPERATIONS at most, whose id is not there yet: one request.

        What became of each, in their order: True created, False there before, or its error: RelatedMissing, another
        Refused, TryAgain, Stop. Raises such an error where it is one of the request as a whole, of which nothing, or
        after TryAgain perhaps all, was done; ValueError for too many, and for what fits in no address.
        """
        if not creates:
            return []
        content_type, body = written(creates, self._api_path)
        headers = {"Content-Type": content_type, "Prefer": PREFER}
        answer = self._http.request("POST", "$batch", about="$batch", timeout=timeout, body=body, headers=headers)
        return outcomes(answer, creates, self._http.throttled)

    def token_days(self, timeout: float) -> float | None:
        """Days that a change token lives (learn.microsoft.com, Use change tracking: expirechangetrackingindays).

        None where the organisation does not tell or does not let us ask. Raises TryAgain, and no Refused or Stop: it is
        only for warnings.
        """
        about = "life of change tokens"
        try:
            answer = self._http.get("organizations?$select=expirechangetrackingindays", about, timeout)
        except (Refused, Stop):
            return None
        try:
            days = answer.object()["value"][0]["expirechangetrackingindays"]
        except (KeyError, IndexError, TypeError):
            return None
        known = isinstance(days, int | float) and not isinstance(days, bool) and days > 0
        return float(days) if known else None

    def count(self, table: str, timeout: float) -> int | None:
        """How many rows the table has, up to a day old; None where Dynamics does not tell. Raises nothing: it is only
        for showing.
        """
        try:
            answer = self._http.get(
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
        labels: Sequence[str] = (),
        tables: Sequence[str] = (),
        timeout: float,
        page_size: int = LARGEST_PAGE,
    ) -> Page:
        """Begin a full read; its last page carries the delta link.

        `columns` by logical name. `labels`: those of them whose formatted value is wanted too, as "column@label";
        `tables`: the lookups among them for which the table that they point to is wanted, as "column@table".
        Raises SchemaRefused, TrackingOff, TableMissing.
        """
        wanted = Wanted(table, columns, labels, tables)
        answer = self._http.get(
            f"{table.set_name}?$select={selected(table, wanted)}",
            table.set_name,
            timeout,
            table=table.name,
            headers=preferring(wanted, paging(page_size)),
            properties=wanted.properties,
        )
        try:
            return page_of(answer, wanted)
        except ColumnsMissing as missing:
            raise answer.malformed(f"rows came without the column {missing}") from None

    def follow(
        self,
        table: DynamicsTable,
        link: str,
        columns: Sequence[str],
        *,
        labels: Sequence[str] = (),
        tables: Sequence[str] = (),
        timeout: float,
        page_size: int = LARGEST_PAGE,
    ) -> Page:
        """The page behind a next link or a delta link, whose columns must be those it was made with; `labels` and
        `tables` may be others.

        Raises CursorExpired (also when the link was made for other columns), ForeignLink, SchemaRefused, TrackingOff,
        TableMissing.
        """
        wanted = Wanted(table, columns, labels, tables)
        answer = self._http.get(
            link,
            table.set_name,
            timeout,
            table=table.name,
            headers=preferring(wanted, paging(page_size)),
            following=True,
            properties=wanted.properties,
        )
        try:
            return page_of(answer, wanted)
        except ColumnsMissing as missing:
            raise CursorExpired(
                "dynamics",
                f"{answer.about}: the reading position was made without the column {missing}; a full read is needed",
            ) from None

    def scan(
        self,
        table: DynamicsTable,
        link: str,
        columns: Sequence[str],
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
        labels: Sequence[str] = (),
        tables: Sequence[str] = (),
        timeout: float,
        page_size: int = LARGEST_PAGE,
    ) -> Page:
        """A page of all rows, or of those last changed within a window, without change tracking: with what `first_page`
        would give of them, in the order of their ids. Without a link, the first page; the last one has none.

        Raises CursorExpired where the link is not served any more, ForeignLink, SchemaRefused, TableMissing.
        """
        wanted = Wanted(table, columns, labels, tables)
        address = link or dynamics_scans.address(table, wanted, since_ms, until_ms)
        return dynamics_scans.scan(self._http, table, wanted, address, bool(link), page_size, timeout)

    def row(
        self,
        table: DynamicsTable,
        id_: str,
        columns: Sequence[str],
        *,
        labels: Sequence[str] = (),
        tables: Sequence[str] = (),
        timeout: float,
    ) -> Row | None:
        """One row as it is now, with what `first_page` would give of it; None if it is not there.

        Raises SchemaRefused, TableMissing, and Refused, without asking, for an id that is no guid.
        """
        wanted = Wanted(table, columns, labels, tables)
        answer = self._http.request(
            "GET",
            f"{table.set_name}({guid(id_, table.set_name)})?$select={selected(table, wanted)}",
            about=table.set_name,
            timeout=timeout,
            headers=preferring(wanted),
        )
        if is_no_such_row(answer):
            return None
        self._http.check(answer, table.name, properties=wanted.properties)
        try:
            [row] = wanted.rows([answer.object()])
        except ColumnsMissing as missing:
            raise answer.malformed(f"the row came without the column {missing}") from None
        except (KeyError, TypeError, ValueError, AttributeError):
            raise answer.malformed("the row has not the promised shape") from None
        return row

    def linked(
        self,
        table: DynamicsTable,
        lookup: str,
        ids: Sequence[str],
        columns: Sequence[str],
        link: str = "",
        *,
        labels: Sequence[str] = (),
        tables: Sequence[str] = (),
        timeout: float,
        page_size: int = LARGEST_PAGE,
    ) -> Page:
        """A page of the rows whose `lookup`, by its logical name, leads to one of these records, MOST_LINKED at most,
        with what `first_page` would give of them, in the order of their ids. Without a link, the first page; the last
        one has none.

        Raises CursorExpired where the link is not served any more, ForeignLink, SchemaRefused, TableMissing; Refused,
        without asking, for an id that is no guid; ValueError for too many.
        """
        if not ids:
            return Page([], None, None)
        wanted = Wanted(table, columns, labels, tables)
        address = link or dynamics_rows.linking(table, lookup, ids, wanted)
        return dynamics_scans.scan(self._http, table, wanted, address, bool(link), page_size, timeout)

    def existing(self, table: DynamicsTable, ids: Sequence[str], timeout: float) -> set[str]:
        """Which of these rows, MOST_IDS at most, are there now: ids in lower case. One request, unless it is paged.

        Raises TableMissing; Refused, without asking, for an id that is no guid; ValueError for too many.
        """
        return dynamics_rows.existing(self._http, table, ids, timeout)

    def current(
        self, table: DynamicsTable, ids: Sequence[str], columns: Sequence[str], timeout: float
    ) -> dict[str, CurrentRow]:
        """Those of these rows, MOST_IDS at most, that are there, as they are now, by id in lower case. One request,
        unless it is paged. The table must have the column modifiedon, as contact has.

        Raises SchemaRefused, TableMissing; Refused, without asking, for an id that is no guid; ValueError for too many.
        """
        return dynamics_rows.current(self._http, table, ids, columns, timeout)

    def update(
        self, table: DynamicsTable, id_: str, values: Mapping[str, object], etag: str, timeout: float
    ) -> Updated:
        """Change a row if it is still in this version, and in no other case (see `dynamics_updates.Update`).

        Raises Changed if it is in another; NotFound if it was deleted; ConditionsOff if the table takes no conditions;
        SchemaRefused, Refused; ValueError, without asking, for a version that is none, such as "*". After TryAgain the
        change may have been made.
        """
        return dynamics_updates.update(self._http, Update(table, id_, values, etag), timeout)

    def update_all(self, changes: Sequence[Update], timeout: float) -> list[Updated | ConnectorError]:
        """Change these rows, MOST_OPERATIONS at most, each as `update` does, in one request.

        What became of each, in their order: its new version, or the error that `update` would raise. Raises as
        `create_absent` does, and ValueError for a version that is none.
        """
        return dynamics_updates.update_all(self._http, changes, self._api_path, timeout)

    def close(self) -> None:
        self._http.close()
