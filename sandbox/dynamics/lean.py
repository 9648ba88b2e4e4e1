"""Rows that are packed while they lie there: a million activities fit into memory, and a garbage collector sees none.

A row is one bytes object: its version, the time of its last write, the number of its shape (the names of what it says
itself), and these values as a JSON list. What every new row says alike, and what follows from the rest, is not stored.
"""

import struct
from collections.abc import Iterator, Mapping

import orjson

from sandbox.clock import dataverse_stamp
from sandbox.dynamics.tables import Row

_HEAD = struct.Struct("<QdH")


class LeanRows:
    """A mapping from id to row, in the order in which rows were last written.

    `usual` are the values that a row has unless it says otherwise, by wire name; `primary_id` names the id's column.
    """

    def __init__(self, usual: Mapping[str, object], primary_id: str) -> None:
        self._usual = dict(usual)
        self._implied = frozenset({primary_id, "versionnumber", "modifiedon", "createdon"})
        self._primary_id = primary_id
        self._packed: dict[str, bytes] = {}
        self._shapes: list[tuple[str, ...]] = []
        self._shape_numbers: dict[tuple[str, ...], int] = {}

    def __getitem__(self, row_id: str) -> Row:
        return self._unpacked(row_id, self._packed[row_id])

    def __setitem__(self, row_id: str, row: Row) -> None:
        values = row.values
        said = {name: value for name, value in values.items() if name not in self._implied}
        said |= {name: None for name in self._usual if name not in values}
        if values["createdon"] != values["modifiedon"]:
            said["createdon"] = values["createdon"]
        self.add(row_id, row.version, row.written, said)

    def add(self, row_id: str, version: int, written: float, said: Mapping[str, object]) -> None:
        """Pack a row that has the usual values but for what is `said`; None takes a usual value away."""
        usual = self._usual
        kept = {name: value for name, value in said.items() if usual.get(name) != value}
        shape = tuple(kept)
        number = self._shape_numbers.get(shape)
        if number is None:
            number = self._shape_numbers[shape] = len(self._shapes)
            self._shapes.append(shape)
        self._packed[row_id] = _HEAD.pack(version, written, number) + orjson.dumps(list(kept.values()))

    def whole(self, row_id: str, version: int, written: float, said: Mapping[str, object]) -> Row:
        """The row that `add` packs from the same."""
        stamp = dataverse_stamp(written)
        values = {**self._usual, "createdon": stamp, "modifiedon": stamp, **said}
        values |= {self._primary_id: row_id, "versionnumber": version}
        if None in said.values():
            values = {name: value for name, value in values.items() if value is not None}
        return Row(row_id, version, written, values)

    def __contains__(self, row_id: object) -> bool:
        return row_id in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)

    def get(self, row_id: str) -> Row | None:
        packed = self._packed.get(row_id)
        return None if packed is None else self._unpacked(row_id, packed)

    def pop(self, row_id: str, default: None) -> Row | None:
        packed = self._packed.pop(row_id, None)
        return default if packed is None else self._unpacked(row_id, packed)

    def values(self) -> "LeanValues":
        return LeanValues(self)

    def reorder(self) -> None:
        """Bring the rows back into the order of their versions."""
        self._packed = dict(sorted(self._packed.items(), key=lambda item: item[1][7::-1]))

    def unpacked(self, newest_first: bool) -> Iterator[Row]:
        items = self._packed.items()
        for row_id, packed in reversed(items) if newest_first else items:
            yield self._unpacked(row_id, packed)

    def _unpacked(self, row_id: str, packed: bytes) -> Row:
        version, written, number = _HEAD.unpack_from(packed)
        values = orjson.loads(packed[_HEAD.size :])
        return self.whole(row_id, version, written, dict(zip(self._shapes[number], values, strict=True)))


class LeanValues:
    """The rows of a mapping, unpacked one by one while somebody walks through them."""

    def __init__(self, rows: LeanRows) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Row]:
        return self._rows.unpacked(newest_first=False)

    def __reversed__(self) -> Iterator[Row]:
        return self._rows.unpacked(newest_first=True)
