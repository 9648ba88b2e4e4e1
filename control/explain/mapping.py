"""A record's way through its table's mapping: each condition, each field, each link by itself."""

from collections.abc import Callable, Mapping

from config.ingress import FieldMapping, Filter, LinkMapping, TableMapping
from control.explain.explanation import Clause, Line, LinkSeen, Standing
from control.explain.standing import standing
from control.words import finished
from store.ledger import Standing as Stands
from store.outcomes import Parent
from store.store import Store, WorkflowStore
from sync.mapping import filters
from sync.mapping.conversion import shape_at
from sync.mapping.forms import Unfit
from sync.mapping.mapper import Unmappable
from sync.mapping.rules import rule_of
from sync.schemas import TableSchema
from sync.tables.links import Links

#: Makes a value fit to be shown.
Show = Callable[[object], object]
Values = Mapping[str, object]


def clauses(mapping: TableMapping, schema: TableSchema, values: Values, show: Show) -> tuple[Clause, ...]:
    """Each condition of the filter, asked alone."""
    conditions = mapping.filter.conditions if mapping.filter else ()
    return tuple(
        Clause(
            condition.words,
            show(values.get(condition.field)),
            filters.admits(Filter(all=(condition,)), schema.columns)(values),
        )
        for condition in conditions
    )


def lines(mapping: TableMapping, schema: TableSchema, values: Values, show: Show) -> tuple[Line, ...]:
    """Each line of the mapping, applied alone."""
    return tuple(_line(mapping, field, schema, values, show) for field in mapping.fields)


def _line(mapping: TableMapping, field: FieldMapping, schema: TableSchema, values: Values, show: Show) -> Line:
    column, shape = schema.columns[field.source], shape_at(field.target, schema.fields)
    assert shape is not None  # the streams were made of this mapping
    technical, value = mapping.technical(field), values.get(field.source)
    rule = rule_of(field, technical, column, shape)
    label = values.get(rule.label)
    nothing = value is None or value == ""
    notes = ["as its display label"] if rule.label and not nothing else []
    result, misfit = None, ""
    try:
        result = rule.apply(value, label)
    except Unfit as unfit:
        misfit = finished(f"{field.source} does not fit {field.target}: it {unfit}")
    else:
        if field.replace and result != _unreplaced(field, technical, schema, values):
            notes.append("replaced")
        elif nothing:
            notes.append("empty")
    if not mapping.updates(field):
        notes.append("first load and replays only")
    return Line(field.source, column.type, show(value), tuple(notes), field.target, shape.type, show(result), misfit)


def _unreplaced(field: FieldMapping, technical: bool, schema: TableSchema, values: Values) -> object:
    """What would be written without replacements; None where that would not fit."""
    shape = shape_at(field.target, schema.fields)
    assert shape is not None
    plain = rule_of(field.model_copy(update={"replace": {}}), technical, schema.columns[field.source], shape)
    try:
        return plain.apply(values.get(field.source), values.get(plain.label))
    except Unfit:
        return None


def links(
    mapping: TableMapping, schema: TableSchema, values: Values, store: Store, workflow: WorkflowStore
) -> tuple[LinkSeen, ...]:
    """Each link, with how its parent stands."""
    return tuple(_link(mapping, rule, schema, values, store, workflow) for rule in mapping.links)


def _link(
    mapping: TableMapping, rule: LinkMapping, schema: TableSchema, values: Values, store: Store, workflow: WorkflowStore
) -> LinkSeen:
    alone = Links(mapping.model_copy(update={"links": (rule,)}), schema.columns, schema.fields)
    try:
        _, found = alone.resolve(values)
    except Unmappable:
        return LinkSeen(rule.source, rule.target, rule.table, rule.required, None, "it leads nowhere, and must not")
    if not found:
        other = values.get(f"{rule.source}@table")
        elsewhere = other is not None and values.get(rule.source) is not None
        stands = f"it leads to a record of {other}: written as no link" if elsewhere else "it leads nowhere"
        return LinkSeen(rule.source, rule.target, rule.table, rule.required, None, stands)
    parent = found[0].parent
    stands = parent_stands(parent, standing(store, workflow, parent.stream, parent.id))
    return LinkSeen(rule.source, rule.target, rule.table, rule.required, parent.id, stands)


_STANDS = {
    Stands.PRESENT: "in Campaign",
    Stands.DELETED: "not in Campaign any more",
    Stands.LEAVING: "about to leave Campaign",
    Stands.COMING: "sent to Campaign, and not confirmed yet",
}


def parent_stands(parent: Parent, kept: Standing) -> str:
    """How a record stands that another one links to."""
    if kept.entry is not None:
        stands = _STANDS[kept.entry.standing]
        return f"{stands}; a change of it was set aside" if kept.set_aside else stands
    if kept.set_aside is not None:
        return f"not in Campaign: it was set aside ({kept.set_aside.reason.kind})"
    if kept.waits is not None:
        return "not in Campaign yet: it waits on the queue"
    return "not known to be in Campaign: it was not read yet, its filter keeps it back, or Dynamics does not have it"
