"""What a mapping needs to know of both systems' schemas: read once at a start, kept for the whole generation.

Every process then works with the same schemas, and one that begins during an outage need not ask for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from config.ingress import IngressConfig, TableMapping
from connectors.campaign import Campaign
from connectors.dynamics import Dynamics
from connectors.dynamics_metadata import DynamicsTable
from connectors.errors import TrackingOff
from sync.conversion import FieldShape


@dataclass(frozen=True, slots=True)
class TableSchema:
    """One mapped table and the resource it flows into."""

    set_name: str  #: of the table, as it stands in addresses
    primary_id: str
    types: Mapping[str, str]  #: Dynamics column -> type
    fields: Mapping[str, FieldShape]  #: Campaign field, dotted -> what it takes

    def table(self, name: str) -> DynamicsTable:
        """The table as the connector asks for its rows."""
        return DynamicsTable(name, self.set_name, self.primary_id, change_tracking=True, columns={})


Schemas = Mapping[str, TableSchema]
"""By table."""


def read_schemas(config: IngressConfig, dynamics: Dynamics, campaign: Campaign, timeout: float) -> Schemas:
    """Asks both systems; `timeout`, in seconds, is for each question. Raises TrackingOff, TryAgain, Stop."""
    return {mapping.table: _read(mapping, dynamics, campaign, timeout) for mapping in config.tables}


def _read(mapping: TableMapping, dynamics: Dynamics, campaign: Campaign, timeout: float) -> TableSchema:
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
        {name: column.type for name, column in table.columns.items()},
        {
            name: FieldShape(field.type, field.length, field.read_only, field.values)
            for name, field in resource.fields.items()
        },
    )


def dump(schemas: Schemas) -> bytes:
    return orjson.dumps(schemas, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, FieldShape):
        return list(value)
    raise TypeError


def load(packed: bytes) -> Schemas:
    return {
        table: TableSchema(
            found["set_name"],
            found["primary_id"],
            found["types"],
            {name: _shape(*shape) for name, shape in found["fields"].items()},
        )
        for table, found in orjson.loads(packed).items()
    }


def _shape(type_: str, length: int | None, read_only: bool, values: list[str]) -> FieldShape:
    return FieldShape(type_, length, read_only, tuple(values))
