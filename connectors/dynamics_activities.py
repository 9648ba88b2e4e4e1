"""Custom activity tables: which there are, and how a row of one is tied to its contact.

learn.microsoft.com, Custom activities; Query schema definitions using the Web API.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors.dynamics_metadata import DynamicsColumn, DynamicsTable, label_of, safe_name

#: Address of the definitions of the activity tables that were made for this organisation.
ACTIVITIES_PATH = (
    "EntityDefinitions?$select=LogicalName,EntitySetName,DisplayName"
    "&$filter=IsActivity%20eq%20true%20and%20IsCustomEntity%20eq%20true"
)


@dataclass(frozen=True, slots=True)
class ActivitySummary:
    """An activity table as a list shows it. `label` for people."""

    name: str
    set_name: str
    label: str


@dataclass(frozen=True, slots=True)
class ActivityTable:
    """`name` is the logical name, `set_name` stands in addresses; `columns` by logical name; `regarding` is the
    property that ties a row to a contact, by `<regarding>@odata.bind`."""

    name: str
    set_name: str
    columns: Mapping[str, DynamicsColumn]
    regarding: str


def links_path(name: str) -> str:
    """Address of what the lookups of a table may lead to."""
    return (
        f"EntityDefinitions(LogicalName='{name}')/ManyToOneRelationships"
        "?$select=ReferencedEntity,ReferencingAttribute,ReferencingEntityNavigationPropertyName"
    )


def activities_of(definitions: list[dict[str, Any]]) -> list[ActivitySummary]:
    """By name. Raises KeyError, TypeError, ValueError or AttributeError where the answer has not the promised shape."""
    return sorted(
        (
            ActivitySummary(
                found["LogicalName"], safe_name(found["EntitySetName"]), label_of(found.get("DisplayName") or {})
            )
            for found in definitions
            if found.get("EntitySetName")
        ),
        key=lambda summary: summary.name,
    )


def activity_of(table: DynamicsTable, links: list[dict[str, Any]]) -> ActivityTable | None:
    """None for a table whose rows cannot regard a contact. Raises as `activities_of`."""
    for link in links:
        if link["ReferencedEntity"] == "contact" and link["ReferencingAttribute"] == "regardingobjectid":
            regarding = safe_name(link["ReferencingEntityNavigationPropertyName"])
            return ActivityTable(table.name, table.set_name, table.columns, regarding)
    return None
