"""`$metadata`: the tables as CSDL (learn.microsoft.com, Web API service documents)."""

from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

from sandbox.dynamics.columns import EDM, LOOKUP_KINDS, Column
from sandbox.dynamics.organization import Organization, collection_name
from sandbox.dynamics.tables import Table

_TRACKED = (
    '<Annotation Term="Org.OData.Capabilities.V1.ChangeTracking"><Record>'
    '<PropertyValue Property="Supported" Bool="true"/></Record></Annotation>'
)


def csdl(organization: Organization, annotated: bool) -> str:
    shared = organization.pointers.by_name
    types = "".join(
        _inherited_type(table, shared) if table.activity and table is not organization.pointers else _entity_type(table)
        for table in organization.tables.values()
    )
    sets = "".join(_entity_set(organization, table, annotated) for table in organization.tables.values())
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>'
        '<Schema Namespace="Microsoft.Dynamics.CRM" Alias="mscrm" xmlns="http://docs.oasis-open.org/odata/ns/edm">'
        f'<EntityType Name="crmbaseentity" Abstract="true"/>{types}'
        f'<EntityContainer Name="System">{sets}</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>'
    )


def _entity_type(table: Table) -> str:
    properties = "".join(_property(column) for column in table.columns)
    return (
        f'<EntityType Name="{table.name}" BaseType="mscrm.crmbaseentity">'
        f'<Key><PropertyRef Name="{table.primary_id}"/></Key>{properties}{_navigations(table)}</EntityType>'
    )


def _inherited_type(table: Table, shared: Mapping[str, Column]) -> str:
    """An activity: what the pointer has already is not said again."""
    properties = "".join(_property(column) for column in table.columns if column.name not in shared)
    opening = f'<EntityType Name="{table.name}" BaseType="mscrm.activitypointer">'
    return f"{opening}{properties}{_navigations(table)}</EntityType>"


def _navigations(table: Table) -> str:
    return "".join(
        f'<NavigationProperty Name={quoteattr(name)} Type="mscrm.{target}" Nullable="false"'
        f" Partner={quoteattr(collection_name(table, name))}>"
        f'<ReferentialConstraint Property="{column.wire}" ReferencedProperty="{target}id"/></NavigationProperty>'
        for name, (column, target) in table.navigations.items()
    )


def _property(column: Column) -> str:
    scale = ' Scale="Variable"' if column.kind in ("Money", "Decimal") else ""
    length = f' MaxLength="{column.length}"' if column.length and column.kind not in LOOKUP_KINDS else ""
    return f'<Property Name="{column.wire}" Type="{EDM[column.kind]}"{length}{scale}/>'


def _entity_set(organization: Organization, table: Table, annotated: bool) -> str:
    note = _TRACKED if annotated and organization.is_tracked(table) else ""
    return f'<EntitySet Name="{table.set_name}" EntityType="Microsoft.Dynamics.CRM.{table.name}">{note}</EntitySet>'
