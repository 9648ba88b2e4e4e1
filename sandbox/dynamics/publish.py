"""Schema changes published while the organisation runs: columns added, changed, removed."""

from dataclasses import replace
from typing import Any

from sandbox.dynamics.columns import EDM, LOOKUP_KINDS, Column, common_columns, schema_name
from sandbox.dynamics.custom import DECIMAL, INT
from sandbox.dynamics.organization import Organization
from sandbox.dynamics.tables import Table

#: The platform's own columns, which nobody can touch.
_OWN = frozenset(column.name for column in common_columns(""))
_MEMBERS = frozenset({"name", "type", "length", "options", "targets", "label"})
_LENGTHS = {"String": 100, "Memo": 2000}
_RANGES = {"Integer": INT, "BigInt": 2**63 - 1, "Decimal": DECIMAL, "Double": DECIMAL, "Money": DECIMAL}


def publish(organization: Organization, body: dict[str, Any]) -> dict[str, Any]:
    """Apply `{"table", "add": [...], "remove": [...], "change": {...}}` at once or, with a mistake in it, not at all.

    Reads, selects and metadata follow with the next request. ValueError or LookupError names the mistake.
    """
    unknown = body.keys() - {"table", "add", "remove", "change", "change_tracking"}
    if unknown:
        raise ValueError(f"{sorted(unknown)[0]} is not known here; give table, add, remove, change, change_tracking.")
    table = organization.by_name.get(str(body.get("table")))
    if table is None:
        raise LookupError(f"table {body.get('table')}; GET /dynamics/tables lists them")
    if table is organization.pointers:
        raise ValueError(f"{table.name} follows the tables of the activities; publish these.")
    columns = dict(table.by_name)
    emptied: list[str] = []
    for name in body.get("remove", ()):
        emptied.append(_changeable(table, columns, name).wire)
        del columns[name]
    for name, given in dict(body.get("change", {})).items():
        old = _changeable(table, columns, name)
        columns[name] = _changed(organization, old, given)
        if columns[name].kind != old.kind or columns[name].targets != old.targets:
            emptied.append(old.wire)
    for given in body.get("add", ()):
        if not isinstance(given, dict):
            raise ValueError("Every entry of add must be an object with a name and a type.")
        name = str(given.get("name", ""))
        if not name.isidentifier() or name != name.lower():
            raise ValueError(f"{name!r} is no column's name; give lower-case letters, digits and underscores.")
        if name in columns:
            raise ValueError(f"{table.name}.{name} is there already; use change.")
        columns |= {column.name: column for column in _added(organization, columns, given)}
    if tuple(columns.values()) != table.columns:
        table.redesign(tuple(columns.values()), emptied)
        organization.relate()
    return {"table": table.name, "columns": list(columns)}


def _changeable(table: Table, columns: dict[str, Column], name: str) -> Column:
    if name not in columns:
        raise LookupError(f"column {table.name}.{name}")
    if name in _OWN or name in (table.primary_id, table.primary_name):
        raise ValueError(f"{table.name}.{name} belongs to the platform; change another column.")
    return columns[name]


def _changed(organization: Organization, old: Column, given: dict[str, Any]) -> Column:
    if set(given) <= {"length", "options", "label"}:
        members: dict[str, Any] = {}
        if "length" in given:
            members["length"] = _length(old.kind, old.name, given["length"])
        if "options" in given:
            members["options"] = _options(old.kind, old.name, given["options"])
        return replace(old, **members, label=str(given.get("label", old.label)))
    kept = {"type": old.kind, "label": old.label, **given, "name": old.name}
    if kept["type"] == old.kind:
        kept = {"length": old.length, "options": old.options, "targets": list(old.targets.values()), **kept}
    return _column(organization, {name: value for name, value in kept.items() if value})


def _added(organization: Organization, columns: dict[str, Column], given: dict[str, Any]) -> list[Column]:
    """The column itself; money comes with its base value, and with the currency where the table had no money."""
    column = _column(organization, given)
    if column.kind != "Money":
        return [column]
    currency = ("exchangerate", "transactioncurrencyid")
    own = [own for own in common_columns("") if own.name in currency and own.name not in columns]
    return [column, Column(f"{column.name}_base", "Money", read_only=True), *own]


def _column(organization: Organization, given: dict[str, Any]) -> Column:
    name, kind = str(given.get("name")), str(given.get("type", "String")).replace("MultiSelectPicklist", "MultiSelect")
    unknown = given.keys() - _MEMBERS
    if unknown:
        raise ValueError(f"{name}.{sorted(unknown)[0]} is not known; a column has {', '.join(sorted(_MEMBERS))}.")
    if kind not in EDM or kind in ("State", "Status", "Owner", "EntityName"):
        raise ValueError(f"{name} cannot be of the type {kind}; choose one of {', '.join(sorted(EDM))}.")
    extreme = _RANGES.get(kind)
    return Column(
        name,
        kind,
        length=_length(kind, name, given.get("length", _LENGTHS.get(kind))),
        options=_options(kind, name, given.get("options", {})),
        targets=_targets(organization, kind, name, given.get("targets", [])),
        label=str(given.get("label", "")),
        minimum=None if extreme is None else -extreme,
        maximum=extreme,
        on_delete="RemoveLink" if kind in LOOKUP_KINDS else "",
    )


def _length(kind: str, name: str, given: Any) -> int | None:
    if (kind in _LENGTHS) != (given is not None):
        raise ValueError(f"{name} is of the type {kind}; a length belongs to String and Memo.")
    if given is not None and (isinstance(given, bool) or not isinstance(given, int) or given < 1):
        raise ValueError(f"{name}.length must be a whole number of at least 1.")
    return given


def _options(kind: str, name: str, given: Any) -> dict[int, str]:
    """JSON writes the numbers as text."""
    if (kind in ("Picklist", "MultiSelect")) != bool(given):
        raise ValueError(
            f'{name} is of the type {kind}; options like {{"1": "Bronze"}} belong to Picklist and its kin.'
        )
    return {int(number): str(text) for number, text in given.items()} if given else {}


def _targets(organization: Organization, kind: str, name: str, given: list[str]) -> dict[str, str]:
    """Navigation properties as the platform names them: with several tables behind a lookup, each has its own."""
    if (kind in LOOKUP_KINDS) != bool(given):
        raise ValueError(f"{name} is of the type {kind}; targets belong to Lookup and Customer.")
    for target in given:
        if target not in organization.by_name:
            raise LookupError(f"table {target}; GET /dynamics/tables lists them")
    if len(given) == 1:
        return {schema_name(name): given[0]}
    return {f"{schema_name(name)}_{target}": target for target in given}
