"""Whether a mapping still fits the two live schemas: asked before a workflow runs, and again when it starts."""

from collections.abc import Mapping

from config.ingress import TableMapping
from sync.conversion import FieldShape, misfit, shape_at

#: A Dynamics record id as text, such as 00aa00aa-bb11-cc22-dd33-44ee44ee44ee; characters.
ID_LENGTH = 36


def misfits(
    mapping: TableMapping, source_types: Mapping[str, str], target_fields: Mapping[str, FieldShape]
) -> list[str]:
    """One sentence for each reason why the mapping does not fit; an empty list if it does.

    `source_types` are the table's columns with their types, `target_fields` the resource's fields by dotted name.
    """
    found = _key_misfits(mapping, target_fields)
    for rule in mapping.fields:
        source_type = source_types.get(rule.source)
        shape = shape_at(rule.target, target_fields)
        pair = f"{mapping.table}.{rule.source} -> {mapping.resource}.{rule.target}"
        if source_type is None:
            found.append(f"{pair}: the table {mapping.table} has no column {rule.source}; change the mapping.")
        if shape is None:
            found.append(f"{pair}: the resource {mapping.resource} has no field {rule.target}; change the mapping.")
        elif shape.read_only:
            found.append(f"{pair}: Campaign does not let anyone write {rule.target}; remove it from the mapping.")
        elif source_type is not None and (reason := misfit(source_type, shape.type)):
            found.append(f"{pair}: {reason}; map it to a field of another type.")
    return found


def _key_misfits(mapping: TableMapping, target_fields: Mapping[str, FieldShape]) -> list[str]:
    name = mapping.key.field
    where = f"{mapping.table} -> {mapping.resource}"
    shape = target_fields.get(name)
    if shape is None:
        return [f"{where}: the resource {mapping.resource} has no key field {name}; add it or choose another."]
    if shape.read_only:
        return [f"{where}: Campaign does not let anyone write the key field {name}; choose another."]
    if misfit("Uniqueidentifier", shape.type) or shape.type == "enumeration":
        return [f"{where}: the key field {name} is a {shape.type}, and a record's id is text; choose another."]
    if shape.length and shape.length < ID_LENGTH:
        return [
            f"{where}: the key field {name} takes {shape.length} characters, and a record's id has {ID_LENGTH}; "
            "choose another."
        ]
    return []
