"""What the two systems say of themselves right now: their tables, and the fields of one, with types."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from config.connections import Connections
from connectors.campaign_metadata import CampaignField, CampaignResource
from connectors.dynamics_metadata import DynamicsColumn, DynamicsTable
from connectors.errors import TITLES, System, TableMissing
from control.errors import UnknownTable
from store.store import Store
from sync.systems import Systems

#: Seconds that one question about a schema may take.
SCHEMA_SECONDS = 20.0

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of Dynamics or a resource of Campaign."""

    system: System
    name: str
    label: str
    custom: bool
    change_tracking: bool | None  #: None: Campaign, where no such thing is needed


@dataclass(frozen=True, slots=True)
class Field:
    """A column of Dynamics or a field of Campaign."""

    system: System
    table: str
    name: str
    label: str
    type: str
    length: int | None
    notes: tuple[str, ...]  #: what else a mapping must know: key, read-only, mandatory, where it leads
    values: tuple[str, ...]  #: choices: "1 Bronze", "true Yes" in Dynamics, "bronze" in Campaign


@contextmanager
def systems_of(connections: Connections, store: Store) -> Iterator[Systems]:
    """Both systems, asked under the throttle that workers share. Raises SecretMissing when one is first asked."""
    systems = Systems(connections, store)
    try:
        yield systems
    finally:
        systems.close()


def tables(systems: Systems, system: System | None = None) -> list[Table]:
    """All tables and resources that a mapping may name, those of Dynamics first. Raises ConnectorError."""
    found: list[Table] = []
    if system in (None, "dynamics"):
        found += [
            Table("dynamics", one.name, one.label, one.custom, one.change_tracking)
            for one in sorted(systems.dynamics.tables(SCHEMA_SECONDS), key=lambda one: one.name)
        ]
    if system in (None, "campaign"):
        found += [
            Table("campaign", one.name, one.label, one.name.startswith("cus"), None)
            for one in systems.campaign.resources(SCHEMA_SECONDS)
        ]
    return found


def fields(systems: Systems, name: str, system: System | None = None) -> list[Field]:
    """The columns of a table, or the fields of a resource; of both where both systems know the name.

    Raises UnknownTable, ConnectorError.
    """
    found: list[Field] = []
    if system in (None, "dynamics") and (table := _known(lambda: systems.dynamics.table(name, SCHEMA_SECONDS))):
        found += columns_of(table)
    if system in (None, "campaign") and (resource := _known(lambda: systems.campaign.resource(name, SCHEMA_SECONDS))):
        found += fields_of(resource)
    if not found:
        where = "Dynamics nor Campaign knows" if system is None else f"{TITLES[system]} knows no"
        sentence = f"Neither {where} a table {name}" if system is None else f"{where} table {name}"
        raise UnknownTable(f"{sentence}; see those there are with: d365acs schema tables")
    return found


def _known(ask: Callable[[], Found]) -> Found | None:
    try:
        return ask()
    except TableMissing:
        return None


def columns_of(table: DynamicsTable) -> list[Field]:
    """By name, the primary key first."""
    columns = sorted(table.columns.values(), key=lambda column: (column.name != table.primary_id, column.name))
    return [_column(table, column) for column in columns]


def _column(table: DynamicsTable, column: DynamicsColumn) -> Field:
    notes = ["primary key"] if column.name == table.primary_id else []
    if column.targets:
        notes.append(f"leads to {', '.join(column.targets)}")
    # As a mapping's replacements and filters name them.
    names = {0: "false", 1: "true"} if column.type == "Boolean" else {}
    values = tuple(f"{names.get(number, number)} {label}".rstrip() for number, label in column.options.items())
    return Field(
        "dynamics", table.name, column.name, column.label, column.type, column.max_length, tuple(notes), values
    )


def fields_of(resource: CampaignResource) -> list[Field]:
    """As Campaign lists them."""
    return [_field(resource.name, field) for field in resource.fields.values()]


def _field(resource: str, field: CampaignField) -> Field:
    notes = [word for word, holds in (("mandatory", field.mandatory), ("read-only", field.read_only)) if holds]
    if field.target:
        notes.append(f"leads to {field.target}")
    return Field("campaign", resource, field.name, field.label, field.type, field.length, tuple(notes), field.values)
