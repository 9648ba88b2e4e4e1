"""What Dynamics says about a table: its set, primary key, change tracking, columns, lengths and options."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: Metadata that only a cast tells, by the type of column that has it
#: (learn.microsoft.com, Query schema definitions: type casting).
CASTS: Mapping[str, tuple[str, str]] = {
    "String": ("StringAttributeMetadata", "$select=LogicalName,MaxLength"),
    "Memo": ("MemoAttributeMetadata", "$select=LogicalName,MaxLength"),
    "DateTime": ("DateTimeAttributeMetadata", "$select=LogicalName,DateTimeBehavior"),
    "Boolean": ("BooleanAttributeMetadata", "$select=LogicalName&$expand=OptionSet"),
    "Picklist": ("PicklistAttributeMetadata", "$select=LogicalName&$expand=OptionSet"),
    "MultiSelectPicklist": ("MultiSelectPicklistAttributeMetadata", "$select=LogicalName&$expand=OptionSet"),
    "State": ("StateAttributeMetadata", "$select=LogicalName&$expand=OptionSet"),
    "Status": ("StatusAttributeMetadata", "$select=LogicalName&$expand=OptionSet"),
}

#: Types whose column is read as `_name_value`.
LOOKUPS = {"Lookup", "Customer", "Owner"}

#: Types that are no columns of the Web API.
HIDDEN = {"Virtual", "EntityName", "PartyList", "CalendarRules", "ManagedProperty", "File", "Image"}


@dataclass(frozen=True, slots=True)
class DynamicsColumn:
    """`name` as the Web API takes it (a lookup is `_name_value`); `type` as Dynamics names it without "Type", where a
    DateTime that holds a date only is "DateOnly"; `max_length` in characters; `options`: number -> label."""

    name: str
    type: str
    max_length: int | None = None
    options: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DynamicsTable:
    """`name` is the logical name, `set_name` stands in addresses, `primary_id` is the column with the row's id."""

    name: str
    set_name: str
    primary_id: str
    change_tracking: bool
    columns: Mapping[str, DynamicsColumn]


def table_path(name: str) -> str:
    """Address of a table's definition, columns without their casts included."""
    return (
        f"EntityDefinitions(LogicalName='{name}')"
        "?$select=LogicalName,EntitySetName,PrimaryIdAttribute,ChangeTrackingEnabled"
        "&$expand=Attributes($select=LogicalName,AttributeType,AttributeTypeName,IsValidForRead,AttributeOf)"
    )


def cast_path(name: str, kind: str) -> str:
    """Address of what a cast adds for all columns of one type."""
    cast, query = CASTS[kind]
    return f"EntityDefinitions(LogicalName='{name}')/Attributes/Microsoft.Dynamics.CRM.{cast}?{query}"


def table_of(definition: dict[str, Any], cast: Callable[[str], list[dict[str, Any]]]) -> DynamicsTable:
    """The table of a definition; `cast(type)` fetches the cast of a type and is asked only for types that occur.

    Raises KeyError, TypeError, ValueError or AttributeError where the answer has not the promised shape.
    """
    types = {
        attribute["LogicalName"]: _type(attribute)
        for attribute in definition["Attributes"]
        if attribute.get("AttributeOf") is None and attribute.get("IsValidForRead", True)
    }
    types = {name: type_ for name, type_ in types.items() if type_ not in HIDDEN}
    more: dict[str, dict[str, Any]] = {}
    for kind in sorted(set(types.values()) & CASTS.keys()):
        more.update((item["LogicalName"], item) for item in cast(kind))
    columns = (_column(name, type_, more.get(name, {})) for name, type_ in types.items())
    return DynamicsTable(
        name=definition["LogicalName"],
        set_name=_safe(definition["EntitySetName"]),
        primary_id=_safe(definition["PrimaryIdAttribute"]),
        change_tracking=definition["ChangeTrackingEnabled"] is True,
        columns={column.name: column for column in columns},
    )


def _safe(name: str) -> str:
    if not re.fullmatch(r"\w+", name):
        raise ValueError("not a name")
    return name


def _type(attribute: dict[str, Any]) -> str:
    named = (attribute.get("AttributeTypeName") or {}).get("Value")
    return str(named).removesuffix("Type") if named else str(attribute["AttributeType"])


def _column(name: str, kind: str, more: dict[str, Any]) -> DynamicsColumn:
    if kind == "DateTime" and (more.get("DateTimeBehavior") or {}).get("Value") == "DateOnly":
        kind = "DateOnly"
    return DynamicsColumn(
        name=f"_{name}_value" if kind in LOOKUPS else name,
        type=kind,
        max_length=more.get("MaxLength"),
        options=_options(more.get("OptionSet") or {}),
    )


def _options(option_set: dict[str, Any]) -> dict[int, str]:
    options = list(option_set.get("Options") or ())
    options += [option_set[name] for name in ("FalseOption", "TrueOption") if option_set.get(name)]
    return {option["Value"]: _label(option.get("Label") or {}) for option in options}


def _label(label: dict[str, Any]) -> str:
    """In the application user's language, else in the first that there is."""
    localized = label.get("UserLocalizedLabel") or next(iter(label.get("LocalizedLabels") or ()), None) or {}
    return str(localized.get("Label") or "")
