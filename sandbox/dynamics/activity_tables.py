"""Tables of activities, and the pointer table in which each activity of any of them has its twin."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sandbox.dynamics.activity_journal import ActivityJournal
from sandbox.dynamics.columns import Column
from sandbox.dynamics.lean import LeanRows
from sandbox.dynamics.tables import Row, Table, Tombstone

REGARDING = "_regardingobjectid_value"


@dataclass
class ActivityTable(Table):
    """A table whose rows are packed and whose writes are journalled. `user` is who owns what is written."""

    journal: ActivityJournal = field(default_factory=ActivityJournal)
    user: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        users = ("_ownerid_value", "_owninguser_value", "_createdby_value", "_modifiedby_value")
        self._lean = LeanRows({**self.defaults, **dict.fromkeys(users, self.user)}, self.primary_id)
        self.rows = self._lean

    def redesign(self, columns: tuple[Column, ...], emptied: Iterable[str]) -> None:
        gone = {name for wire in emptied for name in (wire, f"{wire}@table")}
        for row in list(self.rows.values()):
            if gone & row.values.keys():
                row.values = {name: value for name, value in row.values.items() if name not in gone}
                self.rows[row.id] = row
        super().redesign(columns, ())

    def put(self, row_id: str, values: dict[str, object], user: str) -> Row:
        known = row_id in self._lean
        row = super().put(row_id, values, user) if known or self.money else self._create(row_id, values)
        method = "update" if known else "create"
        self.journal.note(method, self.name, row_id, row.values.get(REGARDING), row.values.get("subject"))
        return row

    def _create(self, row_id: str, values: dict[str, object]) -> Row:
        """The usual way of a million rows: nothing is merged that would be taken apart again for packing."""
        self._remember(row_id)
        now, version = self.clock.now(), self.versions.next()
        said = {name: value for name, value in values.items() if name not in self._gone}
        if "overriddencreatedon" in said:
            said["createdon"] = said["overriddencreatedon"]
        self._lean.add(row_id, version, now, said)
        self.ids.add(row_id)
        self.deleted.pop(row_id, None)
        row = self._lean.whole(row_id, version, now, said)
        self._point(row)
        return row

    def delete(self, row_id: str) -> Tombstone:
        row = self.rows.get(row_id)
        stone = super().delete(row_id)
        if row is not None:
            self.journal.note("delete", self.name, row_id, row.values.get(REGARDING), row.values.get("subject"))
        return stone

    def _reorder(self) -> None:
        self._lean.reorder()


class PointerRows:
    """The rows of several tables as one mapping, each with the values that all activities have."""

    def __init__(self, tables: list[Table], names: frozenset[str]) -> None:
        self._tables = tables
        self._names = names

    def __getitem__(self, row_id: str) -> Row:
        row = self.get(row_id)
        if row is None:
            raise KeyError(row_id)
        return row

    def __setitem__(self, row_id: str, row: Row) -> None:
        raise TypeError("An activity is written in its own table.")

    def __contains__(self, row_id: object) -> bool:
        return any(row_id in table.rows for table in self._tables)

    def __iter__(self) -> Iterator[str]:
        return (row.id for row in self.values())

    def __len__(self) -> int:
        return sum(len(table.rows) for table in self._tables)

    def get(self, row_id: str) -> Row | None:
        found = (table.rows.get(row_id) for table in self._tables)
        return next((self._twin(row) for row in found if row is not None), None)

    def pop(self, row_id: str, default: None) -> Row | None:
        raise TypeError("An activity is written in its own table.")

    def values(self) -> list[Row]:
        twins = [self._twin(row) for table in self._tables for row in table.rows.values()]
        return sorted(twins, key=lambda row: row.version)

    def _twin(self, row: Row) -> Row:
        shared = {name: value for name, value in row.values.items() if name in self._names}
        return Row(row.id, row.version, row.written, shared)


@dataclass
class PointerTable(Table):
    """`activitypointer`: read it, filter it, count it; it is written through the tables of the activities."""

    members: list[Table] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.rows = PointerRows(self.members, frozenset({*self.by_wire, *self.private}))

    def pointing(self, wire: str, target: str) -> list[str]:
        return sorted(row_id for table in self.members for row_id in table.pointing(wire, target))

    def after(self, last_id: str, limit: int) -> list[str]:
        return sorted(row_id for table in self.members for row_id in table.after(last_id, limit))[:limit]
