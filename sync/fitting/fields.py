"""Whether the fields of a mapping fit both schemas: names, types, lengths, replaced values."""

from collections.abc import Iterator, Mapping

from config.ingress import FieldMapping, TableMapping
from sync.fitting.findings import Finding
from sync.mapping import choices
from sync.mapping.conversion import misfit, shape_at
from sync.mapping.forms import Unfit
from sync.mapping.replacements import travelling
from sync.mapping.rules import rule_of
from sync.mapping.shapes import ColumnShape, FieldShape
from sync.schemas import TableSchema

#: A Dynamics record id as text, such as 00aa00aa-bb11-cc22-dd33-44ee44ee44ee; characters.
ID_LENGTH = 36

#: The characters that every value of a type has as text: a shorter field refuses each record.
_ALWAYS: Mapping[str, int] = {
    **dict.fromkeys(("Lookup", "Customer", "Owner", "Uniqueidentifier"), ID_LENGTH),
    "DateTime": len("2025-01-31T12:00:00Z"),
    "DateOnly": len("2025-01-31"),
}

_TEXT = ("String", "Memo")


def field_errors(mapping: TableMapping, schema: TableSchema) -> Iterator[Finding]:
    """The lines of a mapping that cannot be carried out."""
    for index, field in enumerate(mapping.fields):
        place, pair = ("fields", index), _pair(mapping, field)
        column, shape = schema.columns.get(field.source), shape_at(field.target, schema.fields)
        if column is None:
            sentence = f"{pair}: the table {mapping.table} has no column {field.source}; change the mapping."
            yield Finding((*place, "from"), sentence)
        elif field.technical_value is False and not choices.has_labels(column.type):
            sentence = f"{pair}: columns of type {column.type} have no display label to travel; remove technical_value."
            yield Finding((*place, "technical_value"), sentence)
        if shape is None:
            sentence = f"{pair}: the resource {mapping.resource} has no field {field.target}; change the mapping."
            yield Finding((*place, "to"), sentence)
        elif shape.read_only:
            sentence = f"{pair}: Campaign does not let anyone write {field.target}; remove it from the mapping."
            yield Finding((*place, "to"), sentence)
        elif column is not None:
            for key, reason in _pair_errors(field, mapping.technical(field), column, shape):
                yield Finding((*place, *key), f"{pair}: {reason}.")


def _pair_errors(
    field: FieldMapping, technical: bool, column: ColumnShape, shape: FieldShape
) -> Iterator[tuple[tuple[str, ...], str]]:
    kind = travelling(column, technical)
    if reason := misfit(kind, shape.type):
        remedy = "list it under links" if shape.type == "link" else "map it to a field of another type"
        yield ("to",), f"{reason}; {remedy}"
        return
    always = _ALWAYS.get(kind, 0)
    if _is_text(shape) and shape.length and shape.length < always:
        yield (
            ("to",),
            f"the field takes {shape.length} characters, and each value has {always}; make it longer or map another",
        )
    for mistake in rule_of(field, technical, column, shape).mistakes:
        yield ("replace", mistake.key), f"in replace, {mistake.sentence}"


def field_warnings(mapping: TableMapping, schema: TableSchema) -> Iterator[Finding]:
    """The lines of a mapping that can be carried out, though not for every value."""
    for index, field in enumerate(mapping.fields):
        column, shape = schema.columns.get(field.source), shape_at(field.target, schema.fields)
        if column is None or shape is None:
            continue
        for reason in _doubts(field, mapping.technical(field), column, shape):
            yield Finding(("fields", index), f"{_pair(mapping, field)}: {reason}.")


def _doubts(field: FieldMapping, technical: bool, column: ColumnShape, shape: FieldShape) -> Iterator[str]:
    if misfit(travelling(column, technical), shape.type):
        return
    if column.type in _TEXT and _is_text(shape) and shape.length and (column.length or 0) > shape.length:
        yield (
            f"the column holds up to {column.length} characters and the field takes {shape.length}; "
            "a record with a longer text is refused"
        )
    if column.type == "DateTime" and shape.type == "date":
        yield "the time of day is dropped, and the day is the one in UTC; map it to a datetime to keep both"
    if refused := _refused_choices(field, technical, column, shape):
        (reason, some), *_ = refused.items()
        yield f"a record with {choices.shown(some)} is refused, since it {reason}; replace it, or change the field"


def _refused_choices(
    field: FieldMapping, technical: bool, column: ColumnShape, shape: FieldShape
) -> dict[str, dict[int, str]]:
    """The choices of a column that the field does not take, by the reason."""
    refused: dict[str, dict[int, str]] = {}
    if not choices.has_labels(column.type):
        return refused
    rule = rule_of(field, technical, column, shape)
    for number, label in column.options.items():
        value = str(number) if column.type == choices.SEVERAL else number
        try:
            rule.apply(value, label or None)
        except Unfit as unfit:
            refused.setdefault(str(unfit), {})[number] = label
    return refused


def _is_text(shape: FieldShape) -> bool:
    return shape.type != "enumeration" and misfit("Lookup", shape.type) is None


def _pair(mapping: TableMapping, field: FieldMapping) -> str:
    return f"{mapping.table}.{field.source} -> {mapping.resource}.{field.target}"
