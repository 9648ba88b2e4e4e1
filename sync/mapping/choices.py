"""The display labels of choices (picklists), for fields to which the label travels instead of the number.

A row that is asked for a label holds it beside the number, as "column@label": of one choice "Gold", of several
"Sports; Travel" (learn.microsoft.com, Web API: formatted values). Where it is missing, or its parts cannot be told
apart because a label holds a semicolon itself, the column's options say it.
"""

from collections.abc import Callable, Mapping

from sync.mapping import forms
from sync.mapping.forms import Unfit

#: Columns that hold one choice, by its number.
ONE = frozenset({"Picklist", "State", "Status"})
#: Columns that hold several, as text: 1,3.
SEVERAL = "MultiSelectPicklist"

_UNKNOWN = "is a choice without a display label: publish its column in Dynamics, or let the number travel"


def has_labels(column_type: str) -> bool:
    """Whether a column of this type can travel as its display label."""
    return column_type in ONE or column_type == SEVERAL


def label_of(options: Mapping[int, str]) -> Callable[[object, object], str]:
    """Number and label as they stand in a row -> the label. Raises Unfit where there is none."""

    def find(value: object, label: object) -> str:
        found = label if isinstance(label, str) else options.get(forms.whole(value))
        if not found:
            raise Unfit(_UNKNOWN)
        return found

    return find


def labels_of(options: Mapping[int, str]) -> Callable[[object, object], list[str]]:
    """Numbers and labels as they stand in a row -> the labels one by one. Raises Unfit where one is missing."""

    by_number = {str(number): label for number, label in options.items()}

    def find(value: object, label: object) -> list[str]:
        numbers = numbers_of(value, None)
        found = label.split("; ") if isinstance(label, str) else []
        if len(found) != len(numbers):
            found = [by_number.get(number, "") for number in numbers]
        if not all(found):
            raise Unfit(_UNKNOWN)
        return found

    return find


def numbers_of(value: object, _label: object) -> list[str]:
    """The numbers of several choices, one by one, as digits."""
    return [number.strip() for number in forms.any_text(value).split(",")]


def shown(options: Mapping[int, str], most: int = 10) -> str:
    """Choices as a sentence lists them: 1 (Bronze), 2 (Silver), ..."""
    named = [f"{number} ({label})" if label else str(number) for number, label in options.items()]
    return ", ".join(named[:most] + ["..."] * (len(named) > most))
