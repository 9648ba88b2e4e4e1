"""Drafts the links of a mapping: which lookup of Dynamics leads where which link of Campaign leads."""

from collections.abc import Mapping

from config.ingress import LinkMapping
from connectors.campaign_metadata import CampaignField, CampaignResource
from connectors.dynamics_metadata import DynamicsColumn, DynamicsTable
from control.mappings.likeness import likeness, plain

#: Columns that every table has: who made, changed or owns a row.
_NOBODYS = frozenset({"createdby", "createdonbehalfby", "modifiedby", "modifiedonbehalfby", "ownerid", "owninguser"})

#: Characters of a Dynamics record's id: a text field that joins must hold them.
_ID_LENGTH = 36


def links_of(
    table: DynamicsTable, resource: CampaignResource, mapped: Mapping[str, str], key: str
) -> tuple[LinkMapping, ...]:
    """`mapped`: the tables that flow -> their resources, this one included; `key`: the resource's key field."""
    lookups = {
        name: [target for target in column.targets if target in mapped]
        for name, column in table.columns.items()
        if name not in _NOBODYS
    }
    lookups = {name: targets for name, targets in lookups.items() if targets}
    found: dict[str, tuple[str, str]] = {}  # field -> lookup, its table
    for column, targets in sorted(lookups.items()):
        if field := _joining_text(table.columns[column], resource, key):
            found.setdefault(field, (column, targets[0]))
    for field, column, parent in _by_name(table, lookups, resource, mapped, found):
        found.setdefault(field, (column, parent))
    for field, column, parent in _left_over(lookups, resource, mapped, found):
        found.setdefault(field, (column, parent))
    # A table's first record could never be written if it had to lead to another of the same table.
    return tuple(
        LinkMapping(
            source=column,
            target=field,
            table=parent,
            required=resource.fields[field].mandatory and parent != table.name,
        )
        for field, (column, parent) in sorted(found.items())
    )


def _joining_text(column: DynamicsColumn, resource: CampaignResource, key: str) -> str | None:
    """The text field with the lookup's own name, by which Campaign itself joins."""
    for field in resource.fields.values():
        if field.name != key and not field.read_only and _takes_ids(field) and plain(field.name) == plain(column.name):
            return field.name
    return None


def _takes_ids(field: CampaignField) -> bool:
    return field.type == "string" and (not field.length or field.length >= _ID_LENGTH)


def _links(resource: CampaignResource) -> list[CampaignField]:
    return [field for field in resource.fields.values() if field.type == "link" and not field.read_only]


Pairs = list[tuple[str, str, str]]
"""Campaign's field, the lookup, the table it leads to."""


def _by_name(
    table: DynamicsTable,
    lookups: Mapping[str, list[str]],
    resource: CampaignResource,
    mapped: Mapping[str, str],
    found: Mapping[str, tuple[str, str]],
) -> Pairs:
    used = {column for column, _ in found.values()}
    return [
        (field.name, column, parent)
        for field in _links(resource)
        for column, targets in sorted(lookups.items())
        for parent in targets
        if column not in used
        and mapped[parent] == field.target
        and likeness(column, field.name, table.columns[column].label)
    ]


def _left_over(
    lookups: Mapping[str, list[str]],
    resource: CampaignResource,
    mapped: Mapping[str, str],
    found: Mapping[str, tuple[str, str]],
) -> Pairs:
    """A single lookup and a single link that lead to the same place belong together, whatever their names."""
    used = {column for column, _ in found.values()}
    pairs: Pairs = []
    for parent, target in mapped.items():
        columns = [column for column, targets in lookups.items() if parent in targets and column not in used]
        fields = [field.name for field in _links(resource) if field.target == target and field.name not in found]
        if len(columns) == 1 and len(fields) == 1:
            pairs.append((fields[0], columns[0], parent))
    return pairs
