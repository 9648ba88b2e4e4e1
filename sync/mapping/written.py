"""Conditions as they are written in one line: COLUMN COMPARISON VALUE, with the comparisons of the filters.

A value is what its column holds: `statecode equals 0`, `lastname begins_with De`, `birthdate before 1960-01-01`; where
a comparison takes several they stand with commas between them: `statecode one_of 0,1`. Text is not put in quotes.
"""

from collections.abc import Callable, Mapping, Sequence

from pydantic import ValidationError

from config.comparisons import KINDS, LISTS, RULES
from config.filters import Condition, Filter
from sync.mapping import filters, forms
from sync.mapping.forms import Unfit
from sync.mapping.shapes import ColumnShape

#: Kinds of columns whose values are written as text in a configuration, too.
_WORDS = ("text", "date", "point in time", "id")
_TEXTUAL = frozenset(column for kind in _WORDS for column in KINDS[kind])


def condition(written: str, shapes: Mapping[str, ColumnShape]) -> Condition:
    """Raises Unfit for what is no condition, or does not fit its column: a whole sentence without a full stop."""
    column, _, rest = written.strip().partition(" ")
    comparison, _, value = rest.strip().partition(" ")
    shape = shapes.get(column)
    if shape is None:
        raise Unfit(f"the table has no column {column}" if column else "a condition must name a column")
    served = filters.comparisons(shape.type)
    if comparison not in served:
        raise Unfit(f"{column}, of type {shape.type}, must be followed by a comparison, one of {', '.join(served)}")
    given: dict[str, object] = {"field": column, "is": comparison}
    if value := value.strip():
        several = RULES[comparison].shape in LISTS  # type: ignore[index]  # it is one of those
        parts = [_scalar(part.strip(), shape) for part in (value.split(",") if several else [value])]
        given["value"] = parts if several else parts[0]
    try:
        found = Condition.model_validate(given)
    except ValidationError as error:
        reasons = [str(one["msg"]).removeprefix("Value error, ") for one in error.errors()]
        raise Unfit(f"{column} {comparison}: the value {reasons[0]}") from None
    if misfit := filters.misfit(found, shape):
        raise Unfit(f"{column} {comparison}: the value {misfit.reason}")
    return found


def all_of(
    written: Sequence[str], shapes: Mapping[str, ColumnShape]
) -> tuple[Callable[[Mapping[str, object]], bool], tuple[str, ...]]:
    """Whether all of these conditions hold, as a function of a record's values; and the columns that it looks at.

    Raises Unfit as `condition` does.
    """
    if not written:
        return (lambda values: True), ()
    found = Filter(all=tuple(condition(one, shapes) for one in written))
    return filters.admits(found, shapes), filters.columns(found)


def _scalar(text: str, shape: ColumnShape) -> object:
    """A word as a file would hold it for such a column."""
    if shape.type in _TEXTUAL:
        return text
    for read in (forms.whole_of_text, forms.real_of_text):
        try:
            return read(text)
        except Unfit:
            continue
    return {"true": True, "false": False}.get(text.lower(), text)
