"""Rows as JSON members: values, formatted values, lookup annotations (learn.microsoft.com, Web API: annotations)."""

from collections.abc import Callable
from datetime import UTC, datetime
from fnmatch import fnmatchcase

from sandbox.dynamics.columns import CHOICE_KINDS, LOOKUP_KINDS, Column
from sandbox.dynamics.tables import Row, Table

FORMATTED = "OData.Community.Display.V1.FormattedValue"
NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"
LOOKUP_TABLE = "Microsoft.Dynamics.CRM.lookuplogicalname"
TOTAL = "Microsoft.Dynamics.CRM.totalrecordcount"
TOTAL_EXCEEDED = "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"
METADATA_VERSION = "Microsoft.Dynamics.CRM.globalmetadataversion"

NameOf = Callable[[str, str], str | None]


class Wanted:
    """The annotations a `Prefer: odata.include-annotations="..."` asks for."""

    def __init__(self, patterns: str) -> None:
        self.patterns = tuple(part.strip() for part in patterns.split(",") if part.strip())
        self.formatted = self.has(FORMATTED)
        self.navigation = self.has(NAVIGATION)
        self.lookup_table = self.has(LOOKUP_TABLE)
        self.any_on_values = self.formatted or self.navigation or self.lookup_table

    def has(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.patterns)


NO_ANNOTATIONS = Wanted("")


def render(table: Table, row: Row, wires: tuple[str, ...], wanted: Wanted, name_of: NameOf) -> dict[str, object]:
    """One row as a JSON object: etag, the asked columns (nulls included), the primary key."""
    get = row.values.get
    shown: dict[str, object]
    if wires is table.all_wire and not wanted.any_on_values:
        shown = {**table.all_null, **row.values, "@odata.etag": f'W/"{row.version}"'}
        for name in table.private:
            shown.pop(name, None)
        return shown
    if not wanted.any_on_values:
        shown = {"@odata.etag": f'W/"{row.version}"'}
        for wire in wires:
            shown[wire] = get(wire)
        return shown
    shown = {"@odata.etag": f'W/"{row.version}"'}
    for wire in wires:
        value = get(wire)
        if value is not None:
            _annotate(shown, table.by_wire[wire], row, value, wanted, name_of)
        shown[wire] = value
    return shown


def _annotate(
    shown: dict[str, object], column: Column, row: Row, value: object, wanted: Wanted, name_of: NameOf
) -> None:
    wire = column.wire
    if column.kind not in LOOKUP_KINDS:
        if wanted.formatted and (text := formatted(column, value)) is not None:
            shown[f"{wire}@{FORMATTED}"] = text
        return
    target = lookup_target(column, row)
    if wanted.formatted and (name := name_of(target, str(value))) is not None:
        shown[f"{wire}@{FORMATTED}"] = name
    if wanted.navigation:
        shown[f"{wire}@{NAVIGATION}"] = next(
            navigation for navigation, table in column.targets.items() if table == target
        )
    if wanted.lookup_table:
        shown[f"{wire}@{LOOKUP_TABLE}"] = target


def lookup_target(column: Column, row: Row) -> str:
    return str(row.values.get(f"{column.wire}@table") or next(iter(column.targets.values())))


def formatted(column: Column, value: object) -> str | None:
    """The value as the interface would show it to an en-US caller in UTC; None where no formatted value exists."""
    kind = column.kind
    if kind in CHOICE_KINDS:
        return column.options.get(value) if isinstance(value, int) else None
    if kind == "MultiSelect":
        return "; ".join(column.options.get(int(text), text) for text in str(value).split(","))
    if kind == "Boolean":
        return column.true_label if value else column.false_label
    if kind == "Money" and isinstance(value, int | float):
        return f"${value:,.2f}"
    if kind in ("Integer", "BigInt") and isinstance(value, int):
        return f"{value:,}"
    if kind == "Decimal" and isinstance(value, int | float):
        return f"{value:,.{column.precision or 10}f}"
    if kind == "Double" and isinstance(value, int | float):
        return f"{value:,.5f}"
    if kind == "DateOnly":
        day = datetime.fromisoformat(str(value))
        return f"{day.month}/{day.day}/{day.year}"
    if kind == "DateTime":
        when = datetime.fromisoformat(str(value).replace("Z", "+00:00")).astimezone(UTC)
        return f"{when.month}/{when.day}/{when.year} {when.hour % 12 or 12}:{when:%M %p}"
    return None
