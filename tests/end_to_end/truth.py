"""What must be true in the end, judged from the sandbox's own data by code that shares nothing with the product.

It reads a configuration as plain data and works out, row by row, what Campaign must show. What it knows of columns and
fields is written down here from docs/sandbox.md and the vendors' pages, not taken from the product.
"""

import struct
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

Row = dict[str, Any]
#: Whether a row of a table travels. Filters are told to the judge once more, in Python.
Travels = Mapping[str, Callable[[Row], bool]]

_GENDERS = {1: "Male", 2: "Female"}
_METHODS = {1: "Any", 2: "Email", 3: "Phone", 4: "Fax", 5: "Mail"}
#: Display labels of columns with choices.
LABELS: dict[str, dict[int, str]] = {
    "gendercode": _GENDERS,
    "preferredcontactmethodcode": _METHODS,
    "statecode": {0: "Active", 1: "Inactive"},
    "new_tier": {1: "Bronze", 2: "Silver", 3: "Gold"},
    "new_interests": {1: "Sports", 2: "Music", 3: "Travel", 4: "Food"},
}
#: Columns with several choices at once.
SEVERAL = frozenset({"new_interests"})
LOOKUPS = frozenset({"new_contactid", "new_sponsorid", "new_membershipid", "new_invoiceid"})

#: Campaign fields that hold no text, and what they hold; all others do.
KINDS: dict[str, str] = {
    **dict.fromkeys(("cusLoyaltyPoints", "points", "quantity"), "whole"),
    **dict.fromkeys(("cusIncome", "discount", "total", "price"), "number"),
    **dict.fromkeys(("score", "weight"), "single"),
    **dict.fromkeys(("blackList", "blackListEmail", "blackListFax", "cusVip", "active", "paid"), "flag"),
    **dict.fromkeys(("birthDate", "cusMemberSince", "since"), "day"),
    **dict.fromkeys(("cusLastSeen", "issued"), "moment"),
    **dict.fromkeys(("gender", "tier", "cusSegment"), "name"),
}
#: What Campaign shows where nothing is set.
BLANKS: dict[str, object] = {"whole": 0, "number": 0, "single": 0, "flag": False}
NO_NAME = {"gender": "unknown", "tier": "none", "cusSegment": "none"}


def differences(
    part: Mapping[str, Any],
    rows: Mapping[str, Mapping[str, Row]],
    records: Mapping[str, Iterable[Row]],
    travels: Travels,
    stays: Collection[str] = (),
) -> list[str]:
    """Where the two sides disagree; empty if they are equal.

    `part` is the ingress part of a configuration, `rows` are Dynamics' by table and id, `records` Campaign's by
    resource. Not judged are fields whose updates are off, since what they hold depends on their history, and records
    that a test knows to stay in Campaign, by their keys.
    """
    by_table = {mapping["table"]: mapping for mapping in part["tables"]}
    wanted = {table: _travelling(table, by_table, rows, travels) for table in by_table}
    found: list[str] = []
    shown: dict[str, dict[str, Row]] = {}
    for table, mapping in by_table.items():
        resource, key = mapping["resource"], mapping["key"]["field"]
        those = list(records[resource])
        found += [
            f"{count} records of {resource} carry {name!r}"
            for name, count in Counter(record[key] for record in those).items()
            if count > 1
        ]
        found += [f"{resource} {record[key]!r} is hidden" for record in those if record.get("hidden")]
        shown[table] = {record[key]: record for record in those}
        found += [f"{table} {row} has no {resource}" for row in wanted[table].keys() - shown[table].keys()]
        found += [
            f"{resource} {name!r} should not be there" for name in shown[table].keys() - wanted[table].keys() - {*stays}
        ]
    for table, mapping in by_table.items():
        for name in wanted[table].keys() & shown[table].keys():
            row, record = wanted[table][name], shown[table][name]
            found += [f"{table} {name}: {wrong}" for wrong in _wrong_fields(mapping, row, record)]
            found += [f"{table} {name}: {wrong}" for wrong in _wrong_links(mapping, row, record, shown)]
    return found


def _travelling(
    table: str, by_table: Mapping[str, Any], rows: Mapping[str, Mapping[str, Row]], travels: Travels
) -> dict[str, Row]:
    """The rows that must be in Campaign: those of the filter whose parents are there, too."""
    mapping = by_table[table]
    parents = {
        link["table"]: _travelling(link["table"], by_table, rows, travels)
        for link in mapping.get("links", ())
        if link["table"] != table
    }
    holds: Callable[[Row], bool] = travels.get(table, lambda row: True)

    def is_led(row: Row) -> bool:
        for link in mapping.get("links", ()):
            parent = row.get(f"_{link['from']}_value")
            if parent is None and link.get("required"):
                return False
            if parent is not None and parent not in parents[link["table"]]:
                return False
        return True

    return {name: row for name, row in rows[table].items() if holds(row) and is_led(row)}


def _wrong_fields(mapping: Mapping[str, Any], row: Row, record: Row) -> Iterable[str]:
    for field in mapping["fields"]:
        if field.get("apply_updates", mapping.get("apply_updates", True)):
            wanted, found = expected(mapping, field, row), at(record, field["to"])
            if KINDS.get(field["to"]) == "single":  # 32 bits: what both sides show may differ, not what it means
                found, wanted = (struct.pack("<f", number) for number in (found, wanted))
            if found != wanted or isinstance(found, bool) != isinstance(wanted, bool):
                yield f"{field['from']} is {row.get(field['from'])!r}, but {field['to']} is {found!r}, not {wanted!r}"


def _wrong_links(
    mapping: Mapping[str, Any], row: Row, record: Row, shown: Mapping[str, Mapping[str, Row]]
) -> Iterable[str]:
    for link in mapping.get("links", ()):
        parent, found = row.get(f"_{link['from']}_value"), record[link["to"]]
        if isinstance(found, str):  # the field by which Campaign itself joins
            if found != (parent or ""):
                yield f"{link['to']} is {found!r}, not {parent!r}"
        elif (found["PKey"] if found else None) != (
            shown[link["table"]].get(parent, {}).get("PKey") if parent else None
        ):
            yield f"{link['to']} leads to {found and found['title']!r}, not to {parent!r}"


def at(record: Row, path: str) -> Any:
    """What a dotted name leads to; a text of its own if that is no field at all."""
    found: Any = record
    for part in path.split("."):
        found = found.get(part, f"no field {path}")
    return found


def expected(mapping: Mapping[str, Any], field: Mapping[str, Any], row: Row) -> Any:
    """What Campaign must show in this field for this row."""
    column, target = field["from"], field["to"]
    kind = KINDS.get(target, "text")
    replace = {_spelt(old): new for old, new in field.get("replace", {}).items()}
    labels = {} if field.get("technical_value", mapping.get("technical_values", True)) else LABELS.get(column, {})
    value = row.get(f"_{column}_value" if column in LOOKUPS else column)
    if value is None or value == "":
        return replace.get("", NO_NAME.get(target, BLANKS.get(kind, "")))
    if column in SEVERAL:
        chosen = [labels.get(int(part), part) for part in value.split(",")]
        return ("; " if labels else ",").join(replace.get(part, part) for part in chosen)
    value = labels.get(value, value)
    return replace[_spelt(value)] if _spelt(value) in replace else _shown(kind, value)


def _spelt(value: object) -> str:
    """A value as one writes it in a file."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def _shown(kind: str, value: Any) -> object:
    if kind in ("whole", "number", "single"):
        number = float(value)
        return int(number) if number == int(number) else number
    if kind == "flag":
        return _spelt(value).lower() in ("true", "1")
    if kind == "day":
        return str(value)[:10]
    if kind == "moment":
        day, _, time = str(value).removesuffix("Z").partition("T")
        whole, _, fraction = (time or "00:00:00").partition(".")
        return f"{day} {whole}.{fraction[:3].ljust(3, '0')}Z"
    return _spelt(value)


def orphans(journal: Iterable[Mapping[str, Any]]) -> list[str]:
    """Writes of Campaign that came too early or too late: a child without its parent, a parent before its child.

    `journal` is the sandbox's, in the order of effects. Only what it tells itself is believed.
    """
    found: list[str] = []
    there: set[str] = set()
    children: dict[str, set[str]] = {}
    for entry in journal:
        name, parents = f"{entry['resource']} {entry['key']}", set(entry["parents"].values())
        if entry["orphan"]:
            found.append(f"{entry['method']} {name}: a record that it links to is missing")
        if entry["method"] == "DELETE":
            there.discard(entry["key"])
            if left := children.get(entry["key"], set()) & there:
                found.append(f"DELETE {name}: {len(left)} that link to it are still there")
            continue
        found += [f"{entry['method']} {name} came before {parent}" for parent in parents - there]
        there.add(entry["key"])
        for known in children.values():
            known.discard(entry["key"])
        for parent in parents:
            children.setdefault(parent, set()).add(entry["key"])
    return found


def regressions(journal: Iterable[Mapping[str, Any]]) -> list[str]:
    """Writes of Campaign that brought an older version of a record than one that was there before.

    `journal` is the sandbox's, in the order of effects; every mapping carries the row's version. A deletion in between
    changes nothing: versions of Dynamics only rise, also that of a row that comes again.
    """
    found: list[str] = []
    newest: dict[str, int] = {}
    for entry in journal:
        name = f"{entry['resource']} {entry['key']}"
        if entry["version"] is not None:
            version = int(entry["version"])
            if version < newest.get(name, version):
                found.append(f"{name}: version {version} came at {entry['at']:.2f} after {newest[name]}")
            newest[name] = max(version, newest.get(name, version))
    return found


def outdated(journal: Sequence[Mapping[str, Any]], running: Iterable[tuple[int, int]]) -> list[str]:
    """Writes under a configuration that was over: marks older than that of one which had been seen running before.

    `running`: the length of the journal at that moment, and the number in the mark.
    """
    found: list[str] = []
    for (begun, mark), (ended, _) in pairwise([*running, (len(journal), 0)]):
        for entry in journal[begun:ended]:
            told = int(entry["mark"].split()[1]) if entry["mark"] else mark
            if told < mark:
                name = f"{entry['resource']} {entry['key']}"
                found.append(f"{name}: mark {told} at {entry['at']:.2f}, while {mark} was running")
    return found
