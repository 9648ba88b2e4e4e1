"""Tables and rows: every write takes the organisation's next version; rows stay in the order of their versions."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from sandbox.clock import Clock, dataverse_stamp
from sandbox.dynamics.columns import LOOKUP_KINDS, Column

CURRENCY_ID = "c0ffee00-0000-4000-8000-00000000cafe"


class Versions:
    """The row version of the organisation: one counter for all tables, rising on every write."""

    def __init__(self, start: int = 70_000_000) -> None:
        self.current = start

    def next(self) -> int:
        self.current += 1
        return self.current


class Row:
    """One row: id, version, the sandbox time of its last write, and its values that are not null (by wire name)."""

    __slots__ = ("id", "values", "version", "written")

    def __init__(self, row_id: str, version: int, written: float, values: dict[str, object]) -> None:
        self.id = row_id
        self.version = version
        self.written = written
        self.values = values


class Tombstone:
    """What is left of a deleted row for change tracking."""

    __slots__ = ("id", "version", "written")

    def __init__(self, row_id: str, version: int, written: float) -> None:
        self.id = row_id
        self.version = version
        self.written = written


Item = TypeVar("Item", Row, Tombstone)

#: Of one lookup: id of the row it leads to -> ids of the rows that lead there.
_Pointing = dict[str, set[str]]


@dataclass
class Table:
    """One table. `rows` and `deleted` are kept in version order; `ids` is sorted, for paging by key.

    `published` is the version at which its columns last changed while running, 0 if they never did.
    """

    name: str
    set_name: str
    primary_id: str
    primary_name: str
    schema_name: str
    type_code: int
    columns: tuple[Column, ...]
    versions: Versions
    clock: Clock
    label: str = ""
    published: int = 0
    rows: dict[str, Row] = field(default_factory=dict)
    deleted: dict[str, Tombstone] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._gone: set[str] = set()
        self._derive()

    def _derive(self) -> None:
        """What follows from the columns."""
        self.by_name = {column.name: column for column in self.columns}
        self.by_wire = {column.wire: column for column in self.columns}
        self.navigations = {
            navigation: (column, target)
            for column in self.columns
            if column.kind in LOOKUP_KINDS
            for navigation, target in column.targets.items()
        }
        self.all_wire = tuple(sorted(self.by_wire))
        self.all_null: dict[str, object] = dict.fromkeys(("@odata.etag", *self.all_wire))
        # Beside a lookup that may lead to several tables, a row remembers to which one it leads.
        self.private = tuple(f"{column.wire}@table" for column in self.columns if len(column.targets) > 1)
        self.money = tuple(
            column.name
            for column in self.columns
            if column.kind == "Money" and not column.read_only and f"{column.name}_base" in self.by_name
        )
        # Who points here must be found without a walk through the table: a parent's end ends its children.
        self._pointing: dict[str, _Pointing] = {column.wire: {} for column in self.columns if column.on_delete}
        self._index(self.rows.values())

    def redesign(self, columns: tuple[Column, ...], emptied: Iterable[str]) -> None:
        """Take new columns; the rows lose the values of `emptied` wire names, and nobody's version moves."""
        for wire in emptied:
            for row in self.rows.values():
                row.values.pop(wire, None)
                row.values.pop(f"{wire}@table", None)
        self._gone |= self.by_wire.keys()
        self.columns = columns
        self._derive()
        self._gone -= self.by_wire.keys()
        self.published = self.versions.next()

    def pointing(self, wire: str, target: str) -> list[str]:
        """The ids of the rows whose lookup `wire` (one with `on_delete`) leads to `target`, in key order."""
        return sorted(self._pointing[wire].get(target, ()))

    def _index(self, rows: Iterable[Row]) -> None:
        if self._pointing:
            for row in rows:
                self._point(row)

    def _point(self, row: Row) -> None:
        for wire, pointing in self._pointing.items():
            target = row.values.get(wire)
            if target is not None:
                pointing.setdefault(str(target), set()).add(row.id)

    def _unpoint(self, row: Row) -> None:
        for wire, pointing in self._pointing.items():
            target = row.values.get(wire)
            if target is not None:
                remaining = pointing[str(target)]
                remaining.remove(row.id)
                if not remaining:
                    del pointing[str(target)]

    def snapshot(self) -> tuple[dict[str, Row], dict[str, Tombstone], list[str]]:
        return dict(self.rows), dict(self.deleted), list(self.ids)

    def restore(self, kept: tuple[dict[str, Row], dict[str, Tombstone], list[str]]) -> None:
        """Undo everything since the snapshot; versions that were given out stay given out."""
        self.rows, self.deleted, self.ids = kept
        self._derive()

    def load(self, rows: dict[str, dict[str, object]], written: float) -> None:
        """Fill an empty table at once."""
        for row_id, values in rows.items():
            version = self.versions.next()
            values["versionnumber"] = version
            self.rows[row_id] = Row(row_id, version, written, values)
        self.ids = sorted(self.rows)
        self._index(self.rows.values())

    def put(self, row_id: str, values: dict[str, object], user: str) -> Row:
        """Create or change a row: `values` are merged in, nulls remove; stamps and computed columns follow."""
        old = self.rows.pop(row_id, None)
        now = self.clock.now()
        stamp = dataverse_stamp(now)
        version = self.versions.next()
        if old is None:
            merged = self._fresh(row_id, user, stamp, values)
            insort(self.ids, row_id)
            self.deleted.pop(row_id, None)
        else:
            self._unpoint(old)
            merged = old.values | values
        for name in [name for name, value in merged.items() if value is None]:
            del merged[name]
        merged |= {"modifiedon": stamp, "_modifiedby_value": user, "versionnumber": version}
        compute(self.name, merged, self.money)
        for name in self._gone:
            merged.pop(name, None)
        row = Row(row_id, version, now, merged)
        self.rows[row_id] = row
        self._point(row)
        return row

    def _fresh(self, row_id: str, user: str, stamp: str, values: dict[str, object]) -> dict[str, object]:
        defaults = {column.wire: column.default for column in self.columns if column.default is not None}
        created = values.get("overriddencreatedon") or stamp
        owned = {"_ownerid_value": user, "_owninguser_value": user, "_createdby_value": user}
        return defaults | owned | {"createdon": created} | values | {self.primary_id: row_id}

    def delete(self, row_id: str) -> Tombstone:
        """Remove the row; KeyError if it is not there."""
        self._unpoint(self.rows.pop(row_id))
        del self.ids[bisect_left(self.ids, row_id)]
        stone = Tombstone(row_id, self.versions.next(), self.clock.now())
        self.deleted.pop(row_id, None)
        self.deleted[row_id] = stone
        return stone

    def after(self, last_id: str, limit: int) -> list[str]:
        """Up to `limit` ids that follow `last_id` in key order."""
        start = bisect_right(self.ids, last_id) if last_id else 0
        return self.ids[start : start + limit]

    def changed_since(self, version: int) -> list[Row]:
        """Rows with a higher version, lowest first."""
        return _newer(iter(reversed(self.rows.values())), version)

    def deleted_since(self, version: int) -> list[Tombstone]:
        return _newer(iter(reversed(self.deleted.values())), version)

    def settled_version(self, horizon: float) -> int:
        """The highest version of the organisation of which this table has shown everything written up to `horizon`."""
        version = self.versions.current
        for row in reversed(self.rows.values()):
            if row.written <= horizon:
                break
            version = min(version, row.version - 1)
        for stone in reversed(self.deleted.values()):
            if stone.written <= horizon:
                break
            version = min(version, stone.version - 1)
        return version


def _newer(newest_first: Iterator[Item], version: int) -> list[Item]:
    found: list[Item] = []
    for item in newest_first:
        if item.version <= version:
            break
        found.append(item)
    found.reverse()
    return found


def compute(table: str, values: dict[str, object], money: tuple[str, ...]) -> None:
    """Fill the computed columns from the written ones; `money` are the table's written money columns."""
    if table in ("contact", "account"):
        for composite, parts in _COMPOSITES.items():
            lines = composed_address(*map(values.get, parts))
            if lines:
                values[composite] = lines
            elif composite in values:
                del values[composite]
    for name in money:
        if name in values:
            values.setdefault("exchangerate", 1.0)
            values.setdefault("_transactioncurrencyid_value", CURRENCY_ID)
            values[f"{name}_base"] = values[name]
        else:
            values.pop(f"{name}_base", None)
    if table == "contact":
        names = [str(values[name]) for name in ("firstname", "middlename", "lastname") if values.get(name)]
        if names:
            values["fullname"] = " ".join(names)
        else:
            values.pop("fullname", None)
        parent = values.get("_parentcustomerid_value")
        is_account = values.get("_parentcustomerid_value@table") == "account"
        for wire, wanted in (("_accountid_value", is_account), ("_parentcontactid_value", not is_account)):
            if parent and wanted:
                values[wire] = parent
            else:
                values.pop(wire, None)


_COMPOSITES = {
    f"address{block}_composite": tuple(
        f"address{block}_{name}"
        for name in ("line1", "line2", "line3", "city", "stateorprovince", "postalcode", "country")
    )
    for block in (1, 2, 3)
}


def composed_address(*parts: object) -> str:
    """Lines, town with state and code, country, as the platform joins them."""
    line1, line2, line3, city, state, code, country = parts
    place = f"{state} {code}" if state and code else state or code
    town = f"{city}, {place}" if city and place else city or place
    return "\r\n".join([str(part) for part in (line1, line2, line3, town, country) if part])
