"""What the mappings need to know of both systems' schemas: read at a start, kept for the whole generation.

Every process then works with the same schemas, and one that begins during an outage need not ask for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from config.ingress import IngressConfig, TableMapping
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.dynamics_metadata import DynamicsColumn, DynamicsTable, property_of
from connectors.errors import TrackingOff
from sync.mapping.shapes import ColumnShape, FieldShape

#: Days that a change token lives where the organisation does not tell (learn.microsoft.com, use change tracking).
TOKEN_DAYS = 7.0


@dataclass(frozen=True, slots=True)
class TableSchema:
    """One mapped table and the resource it flows into."""

    set_name: str  #: of the table, as it stands in addresses
    primary_id: str
    columns: Mapping[str, ColumnShape]  #: by logical name
    fields: Mapping[str, FieldShape]  #: by dotted name

    def table(self, name: str) -> DynamicsTable:
        """The table as the connector asks for its rows."""
        columns = {
            column: DynamicsColumn(column, shape.type, property_of(column, shape.type), targets=shape.targets)
            for column, shape in self.columns.items()
        }
        return DynamicsTable(name, self.set_name, self.primary_id, change_tracking=True, columns=columns)


@dataclass(frozen=True, slots=True)
class Schemas:
    """All that a run needs to know of both systems."""

    tables: Mapping[str, TableSchema]  #: by table
    token_days: float = TOKEN_DAYS  #: how long a change token lives


def read_schemas(config: IngressConfig, dynamics: Dynamics, campaign: Campaign, timeout: float) -> Schemas:
    """Asks both systems; `timeout`, in seconds, is for each question. Raises TrackingOff, TryAgain, Stop."""
    return Schemas(
        {mapping.table: read_schema(mapping, dynamics, campaign, timeout) for mapping in config.tables},
        dynamics.token_days(timeout) or TOKEN_DAYS,
    )


def read_schema(mapping: TableMapping, dynamics: Dynamics, campaign: Campaign, timeout: float) -> TableSchema:
    """One table and its resource, asked for now. Raises TrackingOff, TryAgain, Stop."""
    table = dynamics.table(mapping.table, timeout)
    if not table.change_tracking:
        raise TrackingOff(
            "dynamics",
            f"change tracking is off for {mapping.table}: switch on 'Track changes' in the table's settings, "
            "then start again",
        )
    resource = campaign.resource(mapping.resource, timeout)
    return TableSchema(
        table.set_name,
        table.primary_id,
        {
            name: ColumnShape(column.type, column.max_length, dict(column.options), tuple(column.targets))
            for name, column in table.columns.items()
        },
        {
            name: FieldShape(field.type, field.length, field.read_only, field.values, field.mandatory, field.target)
            for name, field in resource.fields.items()
        },
    )


def dump(schemas: Schemas) -> bytes:
    return orjson.dumps(schemas, default=_plain, option=orjson.OPT_NON_STR_KEYS)


def _plain(value: object) -> object:
    if isinstance(value, ColumnShape | FieldShape):
        return list(value)
    raise TypeError


def load(packed: bytes) -> Schemas:
    found = orjson.loads(packed)
    return Schemas({name: _table(table) for name, table in found["tables"].items()}, found["token_days"])


def _table(found: Mapping[str, Any]) -> TableSchema:
    return TableSchema(
        found["set_name"],
        found["primary_id"],
        {name: _column(*shape) for name, shape in found["columns"].items()},
        {name: _field(*shape) for name, shape in found["fields"].items()},
    )


def _column(type_: str, length: int | None, options: Mapping[str, str], targets: list[str]) -> ColumnShape:
    return ColumnShape(type_, length, {int(number): label for number, label in options.items()}, tuple(targets))


def _field(
    type_: str, length: int | None, read_only: bool, values: list[str], mandatory: bool, target: str
) -> FieldShape:
    return FieldShape(type_, length, read_only, tuple(values), mandatory, target)
