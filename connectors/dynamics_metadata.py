"""What Dynamics says about its tables: set, primary key, change tracking, columns with lengths, options and targets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_OPTIONS = "$select=LogicalName&$expand=OptionSet"

#: Metadata that only a cast tells, by the type of column that has it
#: (learn.microsoft.com, Query schema definitions: type casting).
CASTS: Mapping[str, tuple[str, str]] = {
    "String": ("StringAttributeMetadata", "$select=LogicalName,MaxLength"),
    "Memo": ("MemoAttributeMetadata", "$select=LogicalName,MaxLength"),
    "DateTime": ("DateTimeAttributeMetadata", "$select=LogicalName,DateTimeBehavior"),
    "Boolean": ("BooleanAttributeMetadata", _OPTIONS),
    "Picklist": ("PicklistAttributeMetadata", _OPTIONS),
    "MultiSelectPicklist": ("MultiSelectPicklistAttributeMetadata", _OPTIONS),
    "State": ("StateAttributeMetadata", _OPTIONS),
    "Status": ("StatusAttributeMetadata", _OPTIONS),
    "Lookup": ("LookupAttributeMetadata", "$select=LogicalName,Targets"),
    "Customer": ("LookupAttributeMetadata", "$select=LogicalName,Targets"),
    "Owner": ("LookupAttributeMetadata", "$select=LogicalName,Targets"),
}

#: Types whose column is read as `_name_value`.
LOOKUPS = frozenset({"Lookup", "Customer", "Owner"})

#: Types that are no columns of the Web API.
HIDDEN = {"Virtual", "EntityName", "PartyList", "CalendarRules", "ManagedProperty", "File", "Image"}

#: Address of the definitions of all tables, without their columns.
TABLES_PATH = (
    "EntityDefinitions?$select=LogicalName,EntitySetName,DisplayName,ChangeTrackingEnabled,IsCustomEntity,IsIntersect"
)


@dataclass(frozen=True, slots=True)
class DynamicsColumn:
    """`name` is the logical name; `type` as Dynamics names it without "Type", where a DateTime that holds a date only
    is "DateOnly"; `property` is the column as the Web API takes it (see `property_of`); `max_length` in characters;
    `options`: number -> label; `targets`: logical names of the tables that a lookup may point to; `label` for people.
    """

    name: str
    type: str
    property: str
    max_length: int | None = None
    options: Mapping[int, str] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class DynamicsTable:
    """`name` is the logical name, `set_name` stands in addresses, `primary_id` is the column with the row's id;
    `columns` by logical name."""

    name: str
    set_name: str
    primary_id: str
    change_tracking: bool
    columns: Mapping[str, DynamicsColumn]


@dataclass(frozen=True, slots=True)
class TableSummary:
    """A table as a list shows it. `label` for people, `custom`: made for this organisation."""

    name: str
    label: str
    set_name: str
    change_tracking: bool
    custom: bool


def property_of(name: str, type_: str) -> str:
    """The column as `$select` takes it and rows bring it (learn.microsoft.com, Web API: lookup properties)."""
    return f"_{name}_value" if type_ in LOOKUPS else name


def column_of(property_: str) -> str:
    """The logical name of a property of the Web API. No column's own name begins with an underscore."""
    lookup = re.fullmatch(r"_(\w+)_value", property_)
    return lookup[1] if lookup else property_


def table_path(name: str) -> str:
    """Address of a table's definition, columns without their casts included."""
    return (
        f"EntityDefinitions(LogicalName='{name}')"
        "?$select=LogicalName,EntitySetName,PrimaryIdAttribute,ChangeTrackingEnabled"
        "&$expand=Attributes($select=LogicalName,AttributeType,AttributeTypeName,IsValidForRead,AttributeOf,DisplayName)"
    )


def table_of(definition: dict[str, Any], cast: Callable[[str], list[dict[str, Any]]]) -> DynamicsTable:
    """The table of a definition. `cast` fetches the address that it is given, one for each cast of the types that
    occur, and returns the items.

    Raises KeyError, TypeError, ValueError or AttributeError where the answer has not the promised shape.
    """
    attributes = {
        attribute["LogicalName"]: attribute
        for attribute in definition["Attributes"]
        if attribute.get("AttributeOf") is None and attribute.get("IsValidForRead", True)
    }
    types = {name: _type(attribute) for name, attribute in attributes.items()}
    types = {name: type_ for name, type_ in types.items() if type_ not in HIDDEN}
    more: dict[str, dict[str, Any]] = {}
    for address in sorted({_cast_path(definition["LogicalName"], kind) for kind in types.values() if kind in CASTS}):
        more.update((item["LogicalName"], item) for item in cast(address))
    columns = (
        _column(name, type_, label_of(attributes[name].get("DisplayName") or {}), more.get(name, {}))
        for name, type_ in types.items()
    )
    return DynamicsTable(
        name=definition["LogicalName"],
        set_name=safe_name(definition["EntitySetName"]),
        primary_id=safe_name(definition["PrimaryIdAttribute"]),
        change_tracking=definition["ChangeTrackingEnabled"] is True,
        columns={column.name: column for column in columns},
    )


def summaries_of(definitions: list[dict[str, Any]]) -> list[TableSummary]:
    """Tables whose rows can be asked for, by name. Raises as `table_of`.

    Left out: tables without a set, and those of many-to-many relations, which cannot be tracked (0x80072492).
    """
    return sorted(
        (
            TableSummary(
                found["LogicalName"],
                label_of(found.get("DisplayName") or {}),
                safe_name(found["EntitySetName"]),
                found["ChangeTrackingEnabled"] is True,
                found.get("IsCustomEntity") is True,
            )
            for found in definitions
            if found.get("EntitySetName") and not found.get("IsIntersect")
        ),
        key=lambda summary: summary.name,
    )


def _cast_path(table: str, kind: str) -> str:
    """Address of what a cast adds for all columns of one type."""
    cast, query = CASTS[kind]
    return f"EntityDefinitions(LogicalName='{table}')/Attributes/Microsoft.Dynamics.CRM.{cast}?{query}"


def safe_name(name: str) -> str:
    """A name that is fit for an address. Raises ValueError for another."""
    if not re.fullmatch(r"\w+", name):
        raise ValueError("not a name")
    return name


def _type(attribute: dict[str, Any]) -> str:
    named = (attribute.get("AttributeTypeName") or {}).get("Value")
    return str(named).removesuffix("Type") if named else str(attribute["AttributeType"])


def _column(name: str, kind: str, label: str, more: dict[str, Any]) -> DynamicsColumn:
    if kind == "DateTime" and (more.get("DateTimeBehavior") or {}).get("Value") == "DateOnly":
        kind = "DateOnly"
    return DynamicsColumn(
        name=name,
        type=kind,
        property=property_of(name, kind),
        max_length=more.get("MaxLength"),
        options=_options(more.get("OptionSet") or {}),
        targets=tuple(str(target) for target in more.get("Targets") or ()),
        label=label,
    )


def _options(option_set: dict[str, Any]) -> dict[int, str]:
    options = list(option_set.get("Options") or ())
    options += [option_set[name] for name in ("FalseOption", "TrueOption") if option_set.get(name)]
    return {option["Value"]: label_of(option.get("Label") or {}) for option in options}


def label_of(label: dict[str, Any]) -> str:
    """A label's text in the application user's language, else in the first that there is."""
    localized = label.get("UserLocalizedLabel") or next(iter(label.get("LocalizedLabels") or ()), None) or {}
    return str(localized.get("Label") or "")
