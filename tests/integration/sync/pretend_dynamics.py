"""A Dynamics in memory with just what a source asks of it: tables with tracked changes."""

from collections.abc import Mapping, Sequence
from threading import RLock
from typing import Any

from connectors.dynamics_metadata import DynamicsTable
from connectors.dynamics_pages import Page, Row
from connectors.errors import CursorExpired


class PretendDynamics:
    """`page_size` rows a page. `failing`: what the next request raises, once."""

    def __init__(self, page_size: int = 1000) -> None:
        self.page_size = page_size
        self.failing: Exception | None = None
        self.asked: list[str] = []
        self._lock = RLock()
        self._now = 0
        self._rows: dict[str, dict[str, tuple[int, dict[str, Any]]]] = {}
        self._gone: dict[str, dict[str, int]] = {}
        self._oldest_token = 0

    # What people do there.

    def put(self, table: str, record_id: str, **values: Any) -> None:
        """Creates or changes a row; columns that are not named stay as they are."""
        with self._lock:
            self._now += 1
            rows = self._rows.setdefault(table, {})
            _, before = rows.get(record_id, (0, {}))
            rows[record_id] = (self._now, {**before, **values})
            self._gone.setdefault(table, {}).pop(record_id, None)

    def remove(self, table: str, record_id: str) -> None:
        with self._lock:
            self._now += 1
            del self._rows[table][record_id]
            self._gone.setdefault(table, {})[record_id] = self._now

    def expire_tokens(self) -> None:
        """Every link given out so far is too old."""
        with self._lock:
            self._now += 1
            self._oldest_token = self._now

    def ids(self, table: str) -> list[str]:
        with self._lock:
            return sorted(self._rows.get(table, {}))

    def values(self, table: str, record_id: str) -> dict[str, Any]:
        with self._lock:
            return dict(self._rows[table][record_id][1])

    # What the connector offers.

    def count(self, table: str, timeout: float) -> int | None:
        return len(self._rows.get(table, {}))

    def first_page(
        self,
        table: DynamicsTable,
        columns: Sequence[str],
        *,
        labels: Sequence[str] = (),
        tables: Sequence[str] = (),
        timeout: float,
        page_size: int,
    ) -> Page:
        with self._lock:
            return self._scan(table, columns, "", self._now)

    def follow(
        self,
        table: DynamicsTable,
        link: str,
        columns: Sequence[str],
        *,
        labels: Sequence[str] = (),
        tables: Sequence[str] = (),
        timeout: float,
        page_size: int,
    ) -> Page:
        with self._lock:
            kind, began, behind = link.split(":", 2)
            if int(began) < self._oldest_token:
                raise CursorExpired("dynamics", "the position of change tracking has expired")
            if kind == "scan":
                return self._scan(table, columns, behind, int(began))
            self._note(f"{table.name} changes")
            until, _, last = behind.partition(":")
            return self._changes(table, columns, int(began), int(until or self._now), int(last or began))

    def scan(
        self,
        table: DynamicsTable,
        link: str,
        columns: Sequence[str],
        *,
        since_ms: int | None,
        until_ms: int | None,
        labels: Sequence[str],
        tables: Sequence[str],
        timeout: float,
        page_size: int,
    ) -> Page:
        """A window is compared with the column modified_ms, a number, in place of modifiedon."""
        with self._lock:
            self._note(f"{table.name} walk")
            known = self._rows.get(table.name, {})
            ids = sorted(
                id_
                for id_ in known
                if id_ > link.removeprefix("walk:")
                and (since_ms is None or known[id_][1]["modified_ms"] >= since_ms)
                and (until_ms is None or known[id_][1]["modified_ms"] < until_ms)
            )
            page = ids[: min(self.page_size, page_size)]
            rows = [self._row(table, id_, columns) for id_ in page]
            return Page(rows, f"walk:{page[-1]}" if len(ids) > len(page) else None, None)

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
        with self._lock:
            self._note(f"{table.name} row")
            return self._row(table, id_, columns) if id_ in self._rows.get(table.name, {}) else None

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
        page_size: int,
    ) -> Page:
        """As in Dynamics, a link leads on for those ids that the first page was asked for."""
        with self._lock:
            self._note(f"{table.name} linked")
            asked, _, last = link.removeprefix("linked:").partition(":")
            ids = asked.split(",") if asked else ids
            rows = self._rows.get(table.name, {})
            leads_to = {id_: id_ if lookup == table.primary_id else rows[id_][1].get(lookup) for id_ in rows}
            behind = sorted(id_ for id_, target in leads_to.items() if target in ids and id_ > last)
            page = behind[: min(self.page_size, page_size)]
            next_link = f"linked:{','.join(ids)}:{page[-1]}" if len(behind) > len(page) else None
            return Page([self._row(table, id_, columns) for id_ in page], next_link, None)

    def existing(self, table: DynamicsTable, ids: Sequence[str], timeout: float) -> set[str]:
        with self._lock:
            self._note(f"{table.name} existing")
            return {id_ for id_ in ids if id_ in self._rows.get(table.name, {})}

    def _note(self, what: str) -> None:
        self.asked.append(what)
        failing, self.failing = self.failing, None
        if failing is not None:
            raise failing

    def _scan(self, table: DynamicsTable, columns: Sequence[str], behind: str, began: int) -> Page:
        self._note(f"{table.name} scan")
        # Children may well come before their parents.
        ids = sorted(id_ for id_ in self._rows.get(table.name, {}) if id_ > behind)
        page = ids[: self.page_size]
        rows = [self._row(table, id_, columns) for id_ in page]
        if len(ids) > len(page):
            return Page(rows, f"scan:{began}:{page[-1]}", None)
        return Page(rows, None, f"delta:{began}:")

    def _changes(self, table: DynamicsTable, columns: Sequence[str], since: int, until: int, behind: int) -> Page:
        # In the order of the changes; what happens between two pages of a round is told by the next round.
        changed = [(at, id_) for id_, (at, _) in self._rows.get(table.name, {}).items()]
        gone = self._gone.get(table.name, {})
        told = sorted(pair for pair in [*changed, *((at, id_) for id_, at in gone.items())] if since < pair[0] <= until)
        told = [pair for pair in told if pair[0] > behind]
        page = told[: self.page_size]
        rows = [Row(id_, None, None) if id_ in gone else self._row(table, id_, columns) for _, id_ in page]
        if len(told) > len(page):
            return Page(rows, f"delta:{since}:{until}:{page[-1][0]}", None)
        return Page(rows, None, f"delta:{until}:")

    def _row(self, table: DynamicsTable, id_: str, columns: Sequence[str]) -> Row:
        version, values = self._rows[table.name][id_]
        known: Mapping[str, Any] = values
        asked = {column: known.get(column) for column in columns}
        tables = {f"{column}@table": known[f"{column}@table"] for column in columns if f"{column}@table" in known}
        return Row(id_, version, asked | tables)
