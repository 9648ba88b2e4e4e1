"""What Campaign holds of a record, compared field by field with what the mapping makes of it."""

import struct
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from config.ingress import TableMapping
from connectors.campaign import Campaign
from control.explain.explanation import Difference, Held
from control.explain.mapping import Show
from control.explain.naming import ASK_SECONDS
from sync.mapping.conversion import shape_at
from sync.schemas import TableSchema
from sync.streams import Link

Record = Mapping[str, Any]


def held(
    campaign: Campaign,
    mapping: TableMapping,
    tables: Mapping[str, TableMapping],
    schema: TableSchema,
    record_id: str,
    whole: Record | None,
    links: tuple[Link, ...],
    show: Show,
) -> Held:
    """`whole`: what the mapping makes of the record, None if nothing; a link's field holds its parent's id.

    Raises ConnectorError.
    """
    records = campaign.records_by_key(mapping.resource, mapping.key, record_id, ASK_SECONDS)
    if not records:
        return Held(mapping.resource, 0)
    [record, *more] = records
    modified = record.get("lastModified")
    told = modified if isinstance(modified, str) and modified else None
    if more or whole is None:
        return Held(mapping.resource, len(records), told)
    differences = [*_fields(mapping, schema, whole, record, show)]
    differences += _links(campaign, mapping, tables, schema, whole, links, record, show)
    return Held(mapping.resource, 1, told, tuple(differences))


def _fields(
    mapping: TableMapping, schema: TableSchema, whole: Record, record: Record, show: Show
) -> Iterator[Difference]:
    for field in mapping.fields:
        ours, theirs = _at(whole, field.target), _at(record, field.target)
        shape = shape_at(field.target, schema.fields)
        if not same(ours, theirs, shape.type if shape else ""):
            yield Difference(field.target, show(theirs), show(ours), mapping.updates(field))


def _links(
    campaign: Campaign,
    mapping: TableMapping,
    tables: Mapping[str, TableMapping],
    schema: TableSchema,
    whole: Record,
    links: tuple[Link, ...],
    record: Record,
    show: Show,
) -> Iterator[Difference]:
    parents = {link.field: link.parent for link in links}
    for rule in mapping.links:
        ours, theirs = whole.get(rule.target), record.get(rule.target)
        if schema.fields[rule.target].type == "link":
            theirs = theirs.get("PKey") if isinstance(theirs, Mapping) else None
            if (parent := parents.get(rule.target)) is not None:
                of = tables[parent.stream]
                found = campaign.find(of.resource, of.key, parent.id, ASK_SECONDS)
                ours = found[0] if len(found) == 1 else f"the {of.resource} of {parent.id}"
        if (ours or None) != (theirs or None):
            yield Difference(rule.target, show(theirs), show(ours), True)


def _at(record: Record, path: str) -> Any:
    value: Any = record
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def same(ours: object, theirs: object, type_: str) -> bool:
    """Whether Campaign shows what was written: a float has 32 bits there, a moment may be spelt otherwise."""
    if ours is None or ours == "" or theirs is None or theirs == "":
        return (ours or None) == (theirs or None)
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return ours is theirs
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        return ours == theirs or (type_ == "float" and struct.pack("<f", ours) == struct.pack("<f", theirs))
    if type_ == "datetime" and isinstance(ours, str) and isinstance(theirs, str):
        try:
            return datetime.fromisoformat(ours) == datetime.fromisoformat(theirs)
        except (ValueError, TypeError):
            return ours == theirs
    return ours == theirs
