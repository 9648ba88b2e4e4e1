"""Compares tables with resources, record by record, from what both systems hold.

On purpose it shares nothing with the mapping that wrote them: it would share its mistakes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isclose
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Truth:
    """What Campaign must hold of one table."""

    table: str
    primary_id: str  #: column with the row's id
    resource: str
    key: str  #: field with the row's id
    fields: Mapping[str, Callable[[Row], object]]  #: Campaign field, dotted where nested -> its value, from the row
    links: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Link of Campaign -> property of the row that holds the parent's id, the parent's table."""


@dataclass
class Comparison:
    table: str
    wanted: int  #: records in Dynamics
    found: int = 0  #: records in Campaign that carry a record's id
    missing: list[str] = field(default_factory=list)  #: ids without a record in Campaign
    orphaned: list[str] = field(default_factory=list)  #: ids in Campaign whose record in Dynamics is gone
    doubled: list[str] = field(default_factory=list)  #: ids that several records of Campaign carry
    hidden: list[str] = field(default_factory=list)  #: ids that Campaign hides, because a required parent is missing
    differing: dict[str, list[str]] = field(default_factory=dict)  #: id -> Campaign fields with another value

    @property
    def agrees(self) -> bool:
        return not (self.missing or self.orphaned or self.doubled or self.hidden or self.differing)

    def sentence(self) -> str:
        """What was found; ids and values are left out."""
        if self.agrees:
            return f"{self.table}: all {self.wanted:,} agree"
        kinds = {
            "missing in Campaign": self.missing,
            "left over in Campaign": self.orphaned,
            "doubled in Campaign": self.doubled,
            "hidden in Campaign": self.hidden,
            "with other values": self.differing,
        }
        fields = sorted({name for names in self.differing.values() for name in names})
        where = f" (in {', '.join(fields)})" if fields else ""
        return f"{self.table}: {', '.join(f'{len(ids):,} {kind}' for kind, ids in kinds.items() if ids)}{where}"


@dataclass(frozen=True)
class Agreement:
    """All tables together."""

    comparisons: tuple[Comparison, ...]

    @property
    def agrees(self) -> bool:
        return all(one.agrees for one in self.comparisons)

    @property
    def records(self) -> int:
        return sum(one.wanted for one in self.comparisons)

    def sentence(self) -> str:
        if self.agrees:
            return f"All {self.records:,} records of {len(self.comparisons)} tables agree."
        return f"The systems differ: {'; '.join(one.sentence() for one in self.comparisons if not one.agrees)}."


def compare_all(
    truths: Sequence[Truth], rows: Mapping[str, Iterable[Row]], records: Mapping[str, Iterable[Row]]
) -> Agreement:
    """`rows` by table as Dynamics holds them, `records` by resource as Campaign does."""
    held = {truth.resource: list(records[truth.resource]) for truth in truths}
    # A link is written as the parent's PKey; whom it leads to is told by the parent's key.
    by_pkey = {
        truth.table: {str(record["PKey"]): _key(record, truth) for record in held[truth.resource] if "PKey" in record}
        for truth in truths
    }
    return Agreement(tuple(compare(truth, rows[truth.table], held[truth.resource], by_pkey) for truth in truths))


def compare(
    truth: Truth, rows: Iterable[Row], records: Iterable[Row], by_pkey: Mapping[str, Mapping[str, str]]
) -> Comparison:
    """`by_pkey`: by table, the keys of Campaign's records by their PKeys. Records without a key are not ours."""
    wanted = {str(row[truth.primary_id]).lower(): row for row in rows}
    held: dict[str, Row] = {}
    result = Comparison(truth.table, len(wanted))
    for record in records:
        key = _key(record, truth)
        if not key:
            continue
        result.found += 1
        if key in held:
            result.doubled.append(key)
        if record.get("hidden"):
            result.hidden.append(key)
        held[key] = record
    result.missing = sorted(wanted.keys() - held.keys())
    result.orphaned = sorted(held.keys() - wanted.keys())
    for key in wanted.keys() & held.keys():
        if wrong := [
            *_wrong_fields(truth, wanted[key], held[key]),
            *_wrong_links(truth, wanted[key], held[key], by_pkey),
        ]:
            result.differing[key] = wrong
    return result


def _key(record: Row, truth: Truth) -> str:
    return str(record.get(truth.key) or "").lower()


def _wrong_fields(truth: Truth, row: Row, record: Row) -> list[str]:
    return [target for target, value in truth.fields.items() if not _same(value(row), _at(record, target))]


def _wrong_links(truth: Truth, row: Row, record: Row, by_pkey: Mapping[str, Mapping[str, str]]) -> list[str]:
    wrong = []
    for link, (column, parent) in truth.links.items():
        pkey = _at(record, f"{link}.PKey")
        found = by_pkey[parent].get(str(pkey), "unknown") if pkey else ""
        if found != str(row.get(column) or "").lower():
            wrong.append(link)
    return wrong


def _at(record: Row, path: str) -> Any:
    value: Any = record
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _same(wanted: object, found: object) -> bool:
    if isinstance(wanted, datetime) and isinstance(found, str) and found:
        return wanted == datetime.fromisoformat(found)
    if isinstance(wanted, float) and isinstance(found, int | float):
        return isclose(wanted, found, rel_tol=1e-6)
    return _something(wanted) == _something(found)


def _something(value: object) -> object:
    """Nothing is null, an absent column, or empty text, as each system pleases."""
    return None if value == "" else value
