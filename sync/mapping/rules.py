"""One line of a mapping, made ready: how a column's value becomes the value of its field."""

from collections.abc import Callable
from typing import NamedTuple

from config.ingress import FieldMapping
from sync.mapping import choices
from sync.mapping.conversion import Converter, converter
from sync.mapping.replacements import Mistake, joining, ready, replacing, spelling, travelling
from sync.mapping.shapes import ColumnShape, FieldShape


class Rule(NamedTuple):
    """Made by rule_of(); applied as `empty` to nothing, else as `convert` to the value, picked first if it is to be."""

    label: str
    """Where a row holds the display label that travels: "column@label"; empty if none does."""
    pick: Callable[[object, object], object] | None
    """The value and the label of a row -> what travels; None: the value as it is. Raises Unfit."""
    convert: Converter
    """What travels -> what Campaign takes. Raises Unfit."""
    empty: object
    """What Campaign takes where Dynamics holds nothing."""
    mistakes: tuple[Mistake, ...]
    """What is wrong with the replacements; with any, the rule is not to be applied."""

    def apply(self, value: object, label: object) -> object:
        """What Campaign takes for a value and its display label, if it has one. Raises Unfit."""
        if value is None or value == "":
            return self.empty
        return self.convert(value if self.pick is None else self.pick(value, label))


def rule_of(field: FieldMapping, technical: bool, column: ColumnShape, shape: FieldShape) -> Rule:
    """`technical`: whether a choice travels as its number. Raises Unfit if the two types do not convert at all."""
    convert = converter(travelling(column, technical), shape)
    values, empty, mistakes = ready(field.replace, column, technical, shape)
    labelled = not technical and choices.has_labels(column.type)
    label = f"{field.source}@label" if labelled else ""
    if column.type != choices.SEVERAL:
        pick = choices.label_of(column.options) if labelled else None
        return Rule(label, pick, replacing(values, spelling(column, technical), convert), empty, mistakes)
    if labelled:
        return Rule(label, choices.labels_of(column.options), joining(values, "; ", convert, empty), empty, mistakes)
    if values:
        return Rule(label, choices.numbers_of, joining(values, ",", convert, empty), empty, mistakes)
    return Rule(label, None, convert, empty, mistakes)
