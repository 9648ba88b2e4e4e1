"""Which records travel: a table's filter, made ready once, then asked about row after row.

Which comparisons serve which types is told by config.comparisons. Where text is compared, case does not count, as in
Dynamics. A column of dates compares days, one of points in time compares instants; a date given for a point in time
stands for that whole day in UTC.

A column that holds nothing (null, or empty text) satisfies `empty` and every comparison that denies something; no
other. A value that is not of its column's type decides nothing: the record travels, for to drop it, or even to delete
it, takes more than a doubt.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from config.comparisons import KINDS, RULES
from config.ingress import Condition, Filter
from sync.mapping import forms
from sync.mapping.choices import shown
from sync.mapping.forms import Unfit
from sync.mapping.shapes import ColumnShape

#: Type of a Dynamics column -> its kind, as far as comparing goes. Any other type compares as text.
_KIND_OF: Mapping[str, str] = {column: kind for kind, columns in KINDS.items() for column in columns}

#: What a column that holds nothing satisfies.
_BY_NOTHING = frozenset(
    {"empty", "not_equals", "none_of", "not_contains", "not_begins_with", "not_ends_with", "contains_none"}
)

Test = Callable[[Any], bool]


def columns(filter_: Filter | None) -> tuple[str, ...]:
    """The columns that a filter looks at, by logical name, each once; the primary key may be among them."""
    return tuple(dict.fromkeys(condition.field for condition in filter_.conditions)) if filter_ else ()


def admits(filter_: Filter | None, shapes: Mapping[str, ColumnShape]) -> Callable[[Mapping[str, object]], bool]:
    """Whether a record travels, as a function of its values by logical name; without a filter every record does.

    Raises Unfit, where it is made, for a condition that does not fit its column: misfit() says so beforehand.
    """
    if filter_ is None:
        return lambda values: True
    tests = [(condition.field, _test(condition, shapes.get(condition.field))) for condition in filter_.conditions]
    joined = all if filter_.every else any
    return lambda values: joined(holds(values.get(column)) for column, holds in tests)


def comparisons(column_type: str) -> tuple[str, ...]:
    """The comparisons that serve a Dynamics type."""
    kind = _KIND_OF.get(column_type, "text")
    return tuple(comparison for comparison, rule in RULES.items() if kind in rule.serves)


class Misfit(NamedTuple):
    """Which key of a condition is wrong, and why: a sentence without its subject and without a full stop."""

    key: str
    reason: str


def misfit(condition: Condition, shape: ColumnShape) -> Misfit | None:
    """Why this condition cannot be asked of this column; None if it can."""
    if condition.comparison not in (served := comparisons(shape.type)):
        return Misfit("is", f"does not go with columns of type {shape.type}: use one of {', '.join(served)}")
    try:
        _test(condition, shape)
    except Unfit as unfit:
        return Misfit("value", str(unfit))
    return None


class _Span(NamedTuple):
    """What a given value stands for, from first to last: a date given for a point in time is a day long."""

    first: Any
    last: Any


def _test(condition: Condition, shape: ColumnShape | None) -> Test:
    """The condition as a function of a column's value, null included. Raises Unfit."""
    comparison, by_nothing = condition.comparison, condition.comparison in _BY_NOTHING
    if comparison in ("empty", "not_empty"):
        return lambda value: (value is None or value == "") is by_nothing
    if shape is None:
        raise Unfit(f"asks for {condition.field}, which the table does not have")
    kind = _KIND_OF.get(shape.type, "text")
    if kind not in RULES[comparison].serves:
        raise Unfit(f"has no use for {comparison}")
    given = [_given(kind, shape, value) for value in condition.values]
    if comparison == "between" and given[0].first > given[1].last:
        raise Unfit("goes from more to less: exchange the two")
    read, holds = _READ[kind], _COMPARE[comparison](given)

    def test(value: object) -> bool:
        if value is None or value == "":
            return by_nothing
        try:
            found = read(value)
        except Unfit:
            return True
        return holds(found)

    return test


# -- comparing ---------------------------------------------------------------------------------------------------


def _one_of(given: list[_Span]) -> Test:
    if all(span.first == span.last for span in given):
        values = frozenset(span.first for span in given)
        return lambda found: found in values
    return lambda found: any(first <= found <= last for first, last in given)


def _not(compare: Callable[[list[_Span]], Test]) -> Callable[[list[_Span]], Test]:
    def denied(given: list[_Span]) -> Test:
        holds = compare(given)
        return lambda found: not holds(found)

    return denied


def _by_text(holds: Callable[[str, str], bool]) -> Callable[[list[_Span]], Test]:
    return lambda given: lambda found: holds(found, given[0].first)


def _by_numbers(holds: Callable[[frozenset[int], frozenset[int]], bool]) -> Callable[[list[_Span]], Test]:
    def compare(given: list[_Span]) -> Test:
        numbers = frozenset(span.first for span in given)
        return lambda found: holds(found, numbers)

    return compare


_contains = _by_text(lambda found, part: part in found)
_begins_with = _by_text(str.startswith)
_ends_with = _by_text(str.endswith)

_COMPARE: Mapping[str, Callable[[list[_Span]], Test]] = {
    "equals": _one_of,
    "not_equals": _not(_one_of),
    "one_of": _one_of,
    "none_of": _not(_one_of),
    "less_than": lambda given: lambda found: found < given[0].first,
    "at_most": lambda given: lambda found: found <= given[0].last,
    "more_than": lambda given: lambda found: found > given[0].last,
    "at_least": lambda given: lambda found: found >= given[0].first,
    "between": lambda given: lambda found: given[0].first <= found <= given[1].last,
    "contains": _contains,
    "not_contains": _not(_contains),
    "begins_with": _begins_with,
    "not_begins_with": _not(_begins_with),
    "ends_with": _ends_with,
    "not_ends_with": _not(_ends_with),
    "before": lambda given: lambda found: found < given[0].first,
    "on_or_before": lambda given: lambda found: found <= given[0].last,
    "after": lambda given: lambda found: found > given[0].last,
    "on_or_after": lambda given: lambda found: found >= given[0].first,
    "contains_any": _by_numbers(lambda found, numbers: not found.isdisjoint(numbers)),
    "contains_all": _by_numbers(frozenset.issuperset),
    "contains_none": _by_numbers(frozenset.isdisjoint),
}


# -- values of rows ----------------------------------------------------------------------------------------------


def _folded(value: object) -> str:
    return forms.any_text(value).casefold()


def _chosen(value: object) -> frozenset[int]:
    """A multi-select column's value, such as 1,3, as numbers."""
    try:
        return frozenset(int(number) for number in forms.any_text(value).split(","))
    except ValueError:
        raise Unfit("is not a list of choices by their numbers") from None


def _instant(value: object) -> datetime:
    """A point in time; without a zone it is taken as UTC, as Dataverse does."""
    try:
        found = datetime.fromisoformat(forms.as_text(value))
    except ValueError:
        raise Unfit("is not a point in time of the form YYYY-MM-DDTHH:MM:SSZ, nor a date") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


_READ: Mapping[str, Callable[[object], Any]] = {
    "text": _folded,
    "whole number": forms.whole,
    "number": forms.real,
    "choice": forms.whole,
    "choices": _chosen,
    "yes/no": forms.flag,
    "point in time": _instant,
    "date": forms.day,
    "id": _folded,
}


# -- values of the filter ----------------------------------------------------------------------------------------

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def _given(kind: str, shape: ColumnShape, value: object) -> _Span:
    try:
        return _spanned(kind, shape, value)
    except Unfit as unfit:
        written = str(value).lower() if isinstance(value, bool) else value
        raise Unfit(f"{written} {unfit}") from None


def _spanned(kind: str, shape: ColumnShape, value: object) -> _Span:
    if kind == "point in time":
        return _moments(value)
    if kind == "text" and not isinstance(value, str):
        raise Unfit("is not text, which the column holds: write it in quotes")
    if kind in ("choice", "choices"):
        found: object = _choice(shape.options, value)
    elif kind == "id":
        found = _folded(value).strip("{}")
        if not _ID.fullmatch(str(found)):
            raise Unfit("is not the id of a record, such as 00aa00aa-bb11-cc22-dd33-44ee44ee44ee")
    else:
        found = _READ[kind](value)
    return _Span(found, found)


def _moments(value: object) -> _Span:
    first = _instant(value)
    last = first + timedelta(days=1, microseconds=-1) if _is_day(value) else first
    return _Span(first, last)


def _is_day(value: object) -> bool:
    try:
        return isinstance(value, str) and date.fromisoformat(value) is not None
    except ValueError:
        return False


def _choice(options: Mapping[int, str], value: object) -> int:
    """A number that the column may hold; where the options are not told, any number."""
    if isinstance(value, str) and (numbers := [number for number, label in options.items() if label == value]):
        raise Unfit(f"is a display label: write its number, {numbers[0]}")
    number = forms.whole(value)
    if options and number not in options:
        raise Unfit(f"is not a choice of the column: it has {shown(options)}")
    return number
