"""What a condition may compare with what, and that the rules which compare know the same comparisons."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from config.comparisons import RULES, Comparison
from config.filters import Condition, Filter


def condition(comparison: str, *value: Any) -> Condition:
    given = {"value": value[0]} if value else {}
    return Condition.model_validate({"field": "column", "is": comparison, **given})


@pytest.mark.parametrize(
    ("comparison", "value", "values"),
    [
        ("equals", "x", ("x",)),
        ("equals", False, (False,)),
        ("not_equals", 0, (0,)),
        ("one_of", [1, "a"], (1, "a")),
        ("less_than", -1.5, (-1.5,)),
        ("at_least", 3.0, (3,)),
        ("between", [1, 2.5], (1, 2.5)),
        ("between", ["2024-02-29", "2024-03-01T00:00:00Z"], ("2024-02-29", "2024-03-01T00:00:00Z")),
        ("contains", "10", ("10",)),
        ("before", "2024-12-31", ("2024-12-31",)),
        ("on_or_after", "2024-12-31T10:00+02:00", ("2024-12-31T10:00+02:00",)),
        ("after", "2024-12-31T10:00:00.123Z", ("2024-12-31T10:00:00.123Z",)),
        ("contains_all", [1, 3], (1, 3)),
        ("empty", None, ()),
    ],
)
def test_a_value_that_suits_its_comparison_is_taken(comparison: str, value: Any, values: tuple[Any, ...]) -> None:
    assert condition(comparison, value).values == values


@pytest.mark.parametrize(
    ("comparison", "value", "sentence"),
    [
        ("equals", [1], "must be one value; several values go with one_of"),
        ("equals", None, "is missing: equals takes one value"),
        ("equals", "", "must not be empty text: columns without a value are found by empty and not_empty"),
        ("equals", float("nan"), "must be one value: text, a number, true or false"),
        ("one_of", 1, "must be a list of values"),
        ("one_of", [], "must hold at least one value"),
        ("one_of", [[1]], "must be one value: text, a number, true or false"),
        ("none_of", ["a", ""], "must not be empty text: columns without a value are found by empty and not_empty"),
        ("empty", 1, "does not go with empty: remove it"),
        ("empty", [], "does not go with empty: remove it"),
        ("less_than", "3", "must be a number, without quotes"),
        ("less_than", True, "must be a number, without quotes"),
        ("between", 1, "must be two numbers, dates or moments: [from, to]"),
        ("between", [1], "must be two values: [from, to]"),
        ("between", [1, 2, 3], "must be two values: [from, to]"),
        ("between", [1, "2024-01-01"], "must be two numbers, or two dates such as 2025-01-31"),
        ("between", ["a", "b"], "must be two numbers, or two dates such as 2025-01-31"),
        ("contains", 10, "must be text: put it in quotes"),
        ("before", 2024, "must be a date such as 2025-01-31, or a moment with its time zone"),
        ("before", "2023-02-29", "must be a date such as 2025-01-31, or a moment with its time zone"),
        ("before", "2023-02-01T10:00:00", "must be a date such as 2025-01-31, or a moment with its time zone"),
        ("before", "2023-02-01T25:00:00Z", "must be a date such as 2025-01-31, or a moment with its time zone"),
        ("before", "20230201", "must be a date such as 2025-01-31, or a moment with its time zone"),
        ("contains_any", 1, "must be a list of whole numbers"),
        ("contains_any", ["1"], "must be a list of whole numbers: choices are compared by their numbers"),
        ("contains_any", [True], "must be a list of whole numbers: choices are compared by their numbers"),
        ("contains_any", [1.5], "must be a list of whole numbers: choices are compared by their numbers"),
    ],
)
def test_a_value_that_does_not_suit_its_comparison_is_refused(comparison: str, value: Any, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        condition(comparison, value)
    (error,) = caught.value.errors()
    assert error["loc"] == ("value",)
    assert error["msg"].removeprefix("Value error, ").startswith(sentence)


@pytest.mark.parametrize("comparison", [name for name in RULES if name not in ("empty", "not_empty")])
def test_a_comparison_without_its_value_is_refused(comparison: str) -> None:
    with pytest.raises(ValidationError, match=f"is missing: {comparison} takes"):
        condition(comparison)


def test_a_filter_joins_its_conditions_by_and_or_by_or() -> None:
    both = Filter(all=(condition("empty"), condition("equals", 1)))
    assert (both.every, both.conditions) == (True, (condition("empty"), condition("equals", 1)))
    one = Filter(any=(condition("empty"),))
    assert (one.every, one.conditions) == (False, (condition("empty"),))
    for neither in ({}, {"all": None, "any": None}):
        with pytest.raises(ValidationError, match="must have either all"):
            Filter.model_validate(neither)


def test_every_comparison_that_may_be_written_is_described_once() -> None:
    assert tuple(RULES) == get_args(Comparison)
