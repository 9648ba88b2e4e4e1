"""Tables and rows: every write takes the organisation's next version; rows stay in the order of their versions."""

from collections.abc import Iterable, Iterator, Reversible
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from sandbox.clock import Clock, dataverse_stamp
from sandbox.dynamics.columns import CUSTOM, LOOKUP_KINDS, Column
from sandbox.dynamics.computed import compute
from sandbox.dynamics.key_order import KeyOrder

#: Where a row keeps the parties of an activity, as JSON text.
PARTIES = "@parties"


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


class Rows(Protocol):
    """What a table needs of its rows: a mapping by id, in the order of versions."""

    def __getitem__(self, row_id: str, /) -> Row: ...
    def __setitem__(self, row_id: str, row: Row, /) -> None: ...
    def __contains__(self, row_id: object, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...
    def get(self, row_id: str, /) -> Row | None: ...
    def pop(self, row_id: str, default: None, /) -> Row | None: ...
    def values(self) -> Reversible[Row]: ...


@dataclass
class Table:
    """One table. `rows` and `deleted` are kept in version order; `ids` is sorted, for paging by key.

    `published` is the version at which its columns last changed while running, 0 if they never did. `activity` says
    whether the table is one of activities, `vendor` whether somebody else's solution brought it along.
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
    activity: bool = False
    vendor: bool = False
    rows: Rows = field(default_factory=dict[str, Row])
    deleted: dict[str, Tombstone] = field(default_factory=dict)
    ids: KeyOrder = field(default_factory=KeyOrder)

    def __post_init__(self) -> None:
        self._gone: set[str] = set()
        self._before: dict[str, tuple[Row | None, Tombstone | None]] | None = None
        self._derive()

    @property
    def custom(self) -> bool:
        return self.vendor or self.name.startswith(CUSTOM)

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
        self.defaults: dict[str, object] = {
            column.wire: column.default for column in self.columns if column.default is not None
        }
        self.flags = tuple(column.wire for column in self.columns if column.kind == "Boolean")
        self.all_wire = tuple(sorted(self.by_wire))
        self.all_null: dict[str, object] = dict.fromkeys(("@odata.etag", *self.all_wire))
        # Beside a lookup that may lead to several tables, a row remembers to which one it leads.
        beside = (f"{column.wire}@table" for column in self.columns if len(column.targets) > 1)
        self.private = (*beside, PARTIES) if self.activity else tuple(beside)
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

    def is_indexed(self, wire: str) -> bool:
        return wire in self._pointing

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

    def begin(self) -> None:
        """From here on everything can be taken back, until `commit` or `rollback`."""
        self._before = {}

    def commit(self) -> None:
        self._before = None

    def rollback(self) -> None:
        """Undo everything since `begin`; versions that were given out stay given out."""
        before, self._before = self._before or {}, None
        for row_id, (row, stone) in before.items():
            now = self.rows.pop(row_id, None)
            if now is not None:
                self._unpoint(now)
            if (now is None) is not (row is None):
                (self.ids.add if now is None else self.ids.remove)(row_id)
            self.deleted.pop(row_id, None)
            if row is not None:
                self.rows[row_id] = row
                self._point(row)
            if stone is not None:
                self.deleted[row_id] = stone
        if any(row is not None for row, _ in before.values()):
            self._reorder()
        if any(stone is not None for _, stone in before.values()):
            self.deleted = dict(sorted(self.deleted.items(), key=lambda item: item[1].version))

    def _reorder(self) -> None:
        """Bring the rows back into the order of their versions."""
        self.rows = {row.id: row for row in sorted(self.rows.values(), key=lambda row: row.version)}

    def _remember(self, row_id: str) -> None:
        if self._before is not None and row_id not in self._before:
            self._before[row_id] = (self.rows.get(row_id), self.deleted.get(row_id))

    def load(self, rows: dict[str, dict[str, object]], written: float) -> None:
        """Fill an empty table at once."""
        for row_id, values in rows.items():
            version = self.versions.next()
            values["versionnumber"] = version
            self.rows[row_id] = Row(row_id, version, written, values)
        self.ids = KeyOrder(self.rows)
        self._index(self.rows.values())

    def put(self, row_id: str, values: dict[str, object], user: str) -> Row:
        """Create or change a row: `values` are merged in, nulls remove; stamps and computed columns follow."""
        self._remember(row_id)
        old = self.rows.pop(row_id, None)
        now = self.clock.now()
        stamp = dataverse_stamp(self.clock.shown("dynamics"))
        version = self.versions.next()
        if old is None:
            merged = self._fresh(row_id, user, stamp, values)
            self.ids.add(row_id)
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
        created = values.get("overriddencreatedon") or stamp
        owned = {"_ownerid_value": user, "_owninguser_value": user, "_createdby_value": user}
        return self.defaults | owned | {"createdon": created} | values | {self.primary_id: row_id}

    def delete(self, row_id: str) -> Tombstone:
        """Remove the row; KeyError if it is not there."""
        self._remember(row_id)
        row = self.rows.pop(row_id, None)
        if row is None:
            raise KeyError(row_id)
        self._unpoint(row)
        self.ids.remove(row_id)
        stone = Tombstone(row_id, self.versions.next(), self.clock.now())
        self.deleted.pop(row_id, None)
        self.deleted[row_id] = stone
        return stone

    def after(self, last_id: str, limit: int) -> list[str]:
        """Up to `limit` ids that follow `last_id` in key order."""
        return self.ids.after(last_id, limit)

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
