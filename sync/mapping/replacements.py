"""Replaced values: what an architect wrote as `replace`, made ready once for one field.

The existing value is the one that would travel: a choice's number, or its display label where labels travel; text as it
is, case included; a number, a date, a point in time by what it means, however it is written; true or false. Of several
choices each is replaced by itself; one that becomes "" is left out. "" as an existing value stands for no value.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from sync.mapping import forms
from sync.mapping.choices import SEVERAL, has_labels, shown
from sync.mapping.conversion import Converter, converter, misfit, unset
from sync.mapping.forms import Unfit
from sync.mapping.shapes import ColumnShape, FieldShape


class Mistake(NamedTuple):
    """What is wrong with one replacement: the existing value as written, and a sentence without a full stop."""

    key: str
    sentence: str


class Replacements(NamedTuple):
    """Replacements made ready for one field."""

    values: Mapping[str, object]
    """Existing value in its one spelling -> what Campaign takes instead."""
    nothing: object
    """What Campaign takes where Dynamics holds nothing."""
    mistakes: tuple[Mistake, ...]


def travelling(column: ColumnShape, technical: bool) -> str:
    """The type by which a column's value travels: a choice whose label travels is text."""
    return column.type if technical or not has_labels(column.type) else "String"


def ready(
    replace: Mapping[str, str | int | float | bool], column: ColumnShape, technical: bool, shape: FieldShape
) -> Replacements:
    """Replacements of one field, each new value converted to what the field takes; all mistakes at once."""
    values: dict[str, object] = {}
    nothing = unset(shape)
    mistakes: list[Mistake] = []
    spell = spelling(column, technical)
    # Of several choices a part is replaced, which is text among other text.
    part = FieldShape("string", shape.length) if column.type == SEVERAL else shape
    for existing, new in replace.items():
        subject = existing
        try:
            if existing == "":
                subject = 'the new value of ""'
                nothing = _new(new, shape)
                continue
            if reason := _unknown(existing, column, technical):
                raise Unfit(reason)
            spelt = spell(_read(existing, travelling(column, technical)))
            if spelt in values:
                raise Unfit("is there twice, in two spellings: remove one of them")
            subject = f"the new value of {existing}"
            values[spelt] = _new(new, part)
        except Unfit as unfit:
            mistakes.append(Mistake(existing, f"{subject} {unfit}"))
    return Replacements(values, nothing, tuple(mistakes))


def spelling(column: ColumnShape, technical: bool) -> Callable[[object], str]:
    """The function that spells values that mean the same in the same way. It raises Unfit for one of another type."""
    return _SPELLINGS.get(travelling(column, technical), _any)


def replacing(values: Mapping[str, object], spell: Callable[[object], str], convert: Converter) -> Converter:
    """A converter of one value: replaced where it is among `values`, else converted."""
    if not values:
        return convert

    def replace(value: object) -> object:
        spelt = spell(value)
        return values[spelt] if spelt in values else convert(value)

    return replace


def joining(values: Mapping[str, object], separator: str, convert: Converter, nothing: object) -> Converter:
    """A converter of several choices: each replaced where it is among `values`, none twice, then joined.

    `nothing` is what Campaign takes where none is left.
    """

    def replace(chosen: object) -> object:
        assert isinstance(chosen, list)
        parts = dict.fromkeys(str(values.get(part, part)) for part in chosen)
        parts.pop("", None)
        return convert(separator.join(parts)) if parts else nothing

    return replace


def _any(value: object) -> str:
    return forms.any_text(value).lower()  # an id, mostly


_SPELLINGS: Mapping[str, Callable[[object], str]] = {
    "String": forms.as_text,
    "Memo": forms.as_text,
    "Integer": forms.digits,
    "BigInt": forms.digits,
    "Picklist": forms.digits,
    "State": forms.digits,
    "Status": forms.digits,
    SEVERAL: forms.any_text,
    "Decimal": forms.decimal_of_exact,
    "Double": forms.decimal,
    "Money": forms.decimal_of_exact,
    "Boolean": forms.true_or_false,
    "DateTime": forms.moment,
    "DateOnly": forms.day,
}

_READ: Mapping[str, Callable[[object], object]] = {
    "Integer": forms.whole_of_text,
    "BigInt": forms.whole_of_text,
    "Picklist": forms.whole_of_text,
    "State": forms.whole_of_text,
    "Status": forms.whole_of_text,
    "Decimal": forms.real_of_text,
    "Double": forms.real_of_text,
    "Money": forms.real_of_text,
    "Boolean": forms.flag_of_text,
    "DateTime": forms.moment_or_day,
}


def _read(existing: str, kind: str) -> object:
    """An existing value as it was written, in the form in which a row of Dynamics holds it. Raises Unfit."""
    return _READ.get(kind, forms.as_text)(existing)


def _unknown(existing: str, column: ColumnShape, technical: bool) -> str | None:
    """Why a column of choices never holds this value; None if it may, or if its choices are not told."""
    if not column.options or not has_labels(column.type):
        return None
    for number, label in column.options.items():
        value, other = (str(number), label) if technical else (label, str(number))
        if existing == value:
            return None
        if existing == other:
            travels = "the number" if technical else "the display label"
            return f"never travels, since {travels} does: write {value}"
    return f"is not a choice of the column: it has {shown(column.options)}"


def _new(new: str | int | float | bool, shape: FieldShape) -> object:
    """A new value as Campaign takes it; "" is no value. Raises Unfit."""
    if new == "":
        return unset(shape)
    kind, words = _TYPES[type(new)]
    if misfit(kind, shape.type):
        raise Unfit(f"is {words}, which a field of type {shape.type} does not take")
    return converter(kind, shape)(new)


_TYPES: Mapping[type, tuple[str, str]] = {
    bool: ("Boolean", "true or false"),
    int: ("BigInt", "a number"),
    float: ("Double", "a number"),
    str: ("String", "text"),
}
