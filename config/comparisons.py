"""The comparisons that a filter knows: what each takes, which columns it serves, and when it holds."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any, Literal, NamedTuple

Comparison = Literal[
    "equals",
    "not_equals",
    "one_of",
    "none_of",
    "empty",
    "not_empty",
    "less_than",
    "at_most",
    "more_than",
    "at_least",
    "between",
    "contains",
    "not_contains",
    "begins_with",
    "not_begins_with",
    "ends_with",
    "not_ends_with",
    "before",
    "on_or_before",
    "after",
    "on_or_after",
    "contains_any",
    "contains_all",
    "contains_none",
]

KINDS: Mapping[str, tuple[str, ...]] = {
    "text": ("String", "Memo"),
    "whole number": ("Integer", "BigInt"),
    "number": ("Decimal", "Double", "Money"),
    "choice": ("Picklist", "State", "Status"),
    "choices": ("MultiSelectPicklist",),
    "yes/no": ("Boolean",),
    "date": ("DateOnly",),
    "point in time": ("DateTime",),
    "id": ("Lookup", "Customer", "Owner", "Uniqueidentifier"),
}
"""Kind of a column -> the types of Dynamics columns that are of it. Any other type compares as text."""


class Shape(Enum):
    """What the `value` of a condition has to be."""

    NONE = "no value"
    ONE = "one value"
    NUMBER = "a number"
    TEXT = "text"
    DAY = "a date, or a moment"
    TWO = "two numbers, dates or moments: [from, to]"
    SEVERAL = "a list of values"
    CHOICES = "a list of whole numbers"


LISTS = frozenset({Shape.TWO, Shape.SEVERAL, Shape.CHOICES})
"""Shapes of more than one value."""


class Rule(NamedTuple):
    """How one comparison is written and what it means."""

    shape: Shape
    serves: tuple[str, ...]
    """The kinds of columns that can be compared so."""
    words: str
    """When it holds, as the end of a sentence that begins with "the column"."""


_ONE = tuple(kind for kind in KINDS if kind != "choices")
_NUMBERS = ("whole number", "number")
_DATES = ("date", "point in time")
_TEXT = ("text",)
_CHOICES = ("choices",)

RULES: Mapping[Comparison, Rule] = {
    "equals": Rule(Shape.ONE, _ONE, "is the value"),
    "not_equals": Rule(Shape.ONE, _ONE, "is another value, or empty"),
    "one_of": Rule(Shape.SEVERAL, _ONE, "is one of the values"),
    "none_of": Rule(Shape.SEVERAL, _ONE, "is none of the values, or empty"),
    "empty": Rule(Shape.NONE, tuple(KINDS), "holds nothing, or empty text"),
    "not_empty": Rule(Shape.NONE, tuple(KINDS), "holds something"),
    "less_than": Rule(Shape.NUMBER, _NUMBERS, "is less than the number"),
    "at_most": Rule(Shape.NUMBER, _NUMBERS, "is less than the number, or equal"),
    "more_than": Rule(Shape.NUMBER, _NUMBERS, "is more than the number"),
    "at_least": Rule(Shape.NUMBER, _NUMBERS, "is more than the number, or equal"),
    "between": Rule(Shape.TWO, (*_NUMBERS, *_DATES), "is one of the two values, or between them"),
    "contains": Rule(Shape.TEXT, _TEXT, "holds the text somewhere"),
    "not_contains": Rule(Shape.TEXT, _TEXT, "holds the text nowhere, or is empty"),
    "begins_with": Rule(Shape.TEXT, _TEXT, "begins with the text"),
    "not_begins_with": Rule(Shape.TEXT, _TEXT, "begins otherwise, or is empty"),
    "ends_with": Rule(Shape.TEXT, _TEXT, "ends with the text"),
    "not_ends_with": Rule(Shape.TEXT, _TEXT, "ends otherwise, or is empty"),
    "before": Rule(Shape.DAY, _DATES, "is before the date"),
    "on_or_before": Rule(Shape.DAY, _DATES, "is before the date, or on it"),
    "after": Rule(Shape.DAY, _DATES, "is after the date"),
    "on_or_after": Rule(Shape.DAY, _DATES, "is after the date, or on it"),
    "contains_any": Rule(Shape.CHOICES, _CHOICES, "holds at least one of these choices"),
    "contains_all": Rule(Shape.CHOICES, _CHOICES, "holds all of these choices"),
    "contains_none": Rule(Shape.CHOICES, _CHOICES, "holds none of these choices, or is empty"),
}
"""Every comparison, in the order in which people look for them."""


def mistake(comparison: Comparison, value: object) -> str | None:
    """Why this value, a tuple where there are several, cannot stand beside this comparison: a predicate. None: it can.

    What the column is, and whether it suits, only the live schema knows.
    """
    shape = RULES[comparison].shape
    if shape is Shape.NONE:
        return None if value is None else f"does not go with {comparison}: remove it"
    if value is None:
        return f"is missing: {comparison} takes {shape.value}"
    if isinstance(value, tuple) != (shape in LISTS):
        several = "; several values go with one_of" if comparison == "equals" else ""
        return f"must be {shape.value}{several}"
    items = value if isinstance(value, tuple) else (value,)
    if not items:
        return "must hold at least one value"
    if "" in items:
        return "must not be empty text: columns without a value are found by empty and not_empty"
    return _misshapen(shape, items)


def _misshapen(shape: Shape, items: tuple[Any, ...]) -> str | None:
    if shape is Shape.TEXT and not isinstance(items[0], str):
        return "must be text: put it in quotes"
    if shape is Shape.NUMBER and not _is_number(items[0]):
        return "must be a number, without quotes"
    if shape is Shape.DAY and not _is_day(items[0]):
        return "must be a date such as 2025-01-31, or a moment with its time zone such as 2025-01-31T12:00:00Z"
    if shape is Shape.CHOICES and not all(_is_number(item) and isinstance(item, int) for item in items):
        return "must be a list of whole numbers: choices are compared by their numbers"
    if shape is Shape.TWO:
        return _no_span(items)
    return None


def _no_span(items: tuple[Any, ...]) -> str | None:
    if len(items) != 2:
        return "must be two values: [from, to]"
    if not all(map(_is_number, items)) and not all(map(_is_day, items)):
        return "must be two numbers, or two dates such as 2025-01-31 (a moment has a time zone: 2025-01-31T12:00:00Z)"
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_day(value: object) -> bool:
    """Whether this is a date as text, such as 2025-01-31, or a moment with its time zone."""
    moment = r"T\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)"
    if not isinstance(value, str) or not re.fullmatch(rf"\d{{4}}-\d\d-\d\d({moment})?", value, re.ASCII):
        return False
    try:
        (datetime if "T" in value else date).fromisoformat(value)
    except ValueError:  # a 31 February
        return False
    return True
