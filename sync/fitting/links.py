"""Whether the links of a mapping fit both schemas: a lookup here, a link or a field to join by there."""

from collections.abc import Iterator, Mapping

from config.ingress import LinkMapping, TableMapping
from sync.fitting.fields import ID_LENGTH
from sync.fitting.findings import Finding
from sync.mapping.conversion import misfit
from sync.mapping.shapes import ColumnShape, FieldShape
from sync.schemas import TableSchema

#: Types that hold the id of a record of another table (learn.microsoft.com, AttributeTypeCode).
LOOKUPS = frozenset({"Lookup", "Customer", "Owner"})


def link_errors(mapping: TableMapping, schema: TableSchema, resources: Mapping[str, str]) -> Iterator[Finding]:
    """The links of a mapping that cannot be carried out. `resources`: the mapped tables, each with its resource."""
    for index, link in enumerate(mapping.links):
        place, pair = ("links", index), _pair(mapping, link)
        for key, reason in (
            *_source_errors(mapping.table, link, schema.columns.get(link.source)),
            *_target_errors(mapping.resource, link, schema.fields.get(link.target), resources.get(link.table)),
        ):
            yield Finding((*place, key), f"{pair}: {reason}.")


def _source_errors(table: str, link: LinkMapping, column: ColumnShape | None) -> Iterator[tuple[str, str]]:
    if column is None:
        yield "from", f"the table {table} has no column {link.source}; change the link"
    elif column.type not in LOOKUPS:
        yield "from", f"{link.source} is of type {column.type}, and a link begins at a lookup; choose a lookup"
    elif column.targets and link.table not in column.targets:
        tables = ", ".join(column.targets)
        yield "table", f"{link.source} leads to {tables}, not to {link.table}; change the link's table"


def _target_errors(
    resource: str, link: LinkMapping, shape: FieldShape | None, parent: str | None
) -> Iterator[tuple[str, str]]:
    if shape is None:
        yield "to", f"the resource {resource} has no link or field {link.target}; change the link"
    elif shape.read_only:
        yield "to", f"Campaign does not let anyone write {link.target}; choose another link or field"
    elif shape.type == "link":
        if parent and shape.target and shape.target != parent:
            yield "to", f"{link.target} leads to {shape.target}, and {link.table} is mapped to {parent}; choose another"
    elif shape.type == "enumeration" or misfit("Lookup", shape.type):
        yield "to", f"{link.target} is of type {shape.type}: a link ends at a link, or at a text field to join by"
    elif shape.length and shape.length < ID_LENGTH:
        yield (
            "to",
            f"{link.target} takes {shape.length} characters, and a record's id has {ID_LENGTH}; make it longer",
        )


def link_warnings(mapping: TableMapping, schema: TableSchema) -> Iterator[Finding]:
    """The links that work, though not for every record."""
    for index, link in enumerate(mapping.links):
        shape = schema.fields.get(link.target)
        if shape is not None and shape.mandatory and not link.required:
            yield Finding(
                ("links", index),
                f"{_pair(mapping, link)}: Campaign wants this link in every {mapping.resource}; say required: true.",
            )


def _pair(mapping: TableMapping, link: LinkMapping) -> str:
    return f"{mapping.table}.{link.source} -> {mapping.resource}.{link.target}"
