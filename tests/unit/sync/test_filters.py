"""Filters: which records travel, comparison by comparison and type by type."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.comparisons import RULES
from config.ingress import Comparison, Filter
from sync.mapping.filters import admits, columns, comparisons, misfit
from sync.mapping.forms import Unfit
from sync.mapping.shapes import ColumnShape
from tests.unit.sync.shapes import ID, MEMBERSHIPS, OTHER_ID, condition, one

DENYING = {"not_equals", "none_of", "not_contains", "not_begins_with", "not_ends_with", "contains_none"}
#: A value that suits each comparison, for a column that it serves.
SUITABLE: dict[str, tuple[str, object]] = {
    "equals": ("new_name", "Ann"),
    "not_equals": ("new_name", "Ann"),
    "one_of": ("new_tier", [1, 2]),
    "none_of": ("new_tier", [1, 2]),
    "empty": ("new_name", None),
    "not_empty": ("new_name", None),
    "less_than": ("new_points", 10),
    "at_most": ("new_points", 10),
    "more_than": ("new_points", -1),
    "at_least": ("new_points", 0),
    "between": ("new_discount", [-1.5, 1.5]),
    "contains": ("new_name", "nn"),
    "not_contains": ("new_name", "nn"),
    "begins_with": ("new_name", "A"),
    "not_begins_with": ("new_name", "A"),
    "ends_with": ("new_note", "n"),
    "not_ends_with": ("new_note", "n"),
    "before": ("new_since", "2025-01-31"),
    "on_or_before": ("new_since", "2025-01-31"),
    "after": ("new_seen", "2025-01-31"),
    "on_or_after": ("new_seen", "2025-01-31T12:00:00Z"),
    "contains_any": ("new_interests", [1]),
    "contains_all": ("new_interests", [1, 2]),
    "contains_none": ("new_interests", [1]),
}


def holds(column: str, comparison: str, value: object, found: object) -> bool:
    return admits(one(column, comparison, value), MEMBERSHIPS.columns)({column: found})


def test_every_comparison_of_the_configuration_serves_some_type() -> None:
    assert set(get_args(Comparison)) == set(SUITABLE)
    assert all(rule.serves for rule in RULES.values())


@pytest.mark.parametrize(
    ("column", "comparison", "value", "found", "expected"),
    [
        # text, without case
        ("new_name", "equals", "Ann", "aNN", True),
        ("new_name", "equals", "Ann", "Anna", False),
        ("new_name", "not_equals", "Ann", "ANN", False),
        ("new_name", "one_of", ["x", "ANN"], "ann", True),
        ("new_name", "none_of", ["x", "ANN"], "bob", True),
        ("new_name", "contains", "SMI", "Jo Smith", True),
        ("new_name", "contains", "smithy", "Jo Smith", False),
        ("new_name", "not_contains", "SMI", "Jo Smith", False),
        ("new_name", "begins_with", "jo", "Jo Smith", True),
        ("new_name", "begins_with", "smith", "Jo Smith", False),
        ("new_name", "not_begins_with", "jo", "Jo Smith", False),
        ("new_name", "ends_with", "SMITH", "Jo Smith", True),
        ("new_name", "not_ends_with", "SMITH", "Jo Smith", False),
        ("new_name", "contains", "%", "no wildcard", False),
        ("new_name", "empty", None, " ", False),
        # numbers
        ("new_points", "equals", 5, 5, True),
        ("new_points", "one_of", [1, 5], 2, False),
        ("new_points", "less_than", 5, 5, False),
        ("new_points", "at_most", 5, 5, True),
        ("new_points", "more_than", 5, 5, False),
        ("new_points", "at_least", 5, 5, True),
        ("new_points", "between", [5, 7], 7, True),
        ("new_points", "between", [5, 7], 8, False),
        ("new_discount", "equals", 1, 1.0, True),
        ("new_discount", "less_than", 0.3, 0.25, True),
        # choices
        ("new_tier", "equals", 3, 3, True),
        ("new_tier", "none_of", [1, 2], 3, True),
        ("new_interests", "contains_any", [2, 3], "1,2", True),
        ("new_interests", "contains_any", [3], "1,2", False),
        ("new_interests", "contains_all", [1, 2], "1, 2", True),
        ("new_interests", "contains_all", [1, 3], "1,2", False),
        ("new_interests", "contains_none", [3], "1,2", True),
        ("new_interests", "contains_none", [2, 3], "1,2", False),
        ("new_interests", "not_empty", None, "1", True),
        # yes and no
        ("new_active", "equals", True, True, True),
        ("new_active", "not_equals", True, False, True),
        # dates
        ("new_since", "equals", "2025-01-31", "2025-01-31", True),
        ("new_since", "before", "2025-01-31", "2025-01-31", False),
        ("new_since", "before", "2025-01-31", "2025-01-30", True),
        ("new_since", "on_or_before", "2025-01-31", "2025-01-31", True),
        ("new_since", "after", "2025-01-31", "2025-01-31", False),
        ("new_since", "on_or_after", "2025-01-31", "2025-01-31", True),
        ("new_since", "between", ["2025-01-01", "2025-01-31"], "2025-01-31", True),
        # points in time, compared as instants
        ("new_seen", "equals", "2025-01-31T12:00:00+02:00", "2025-01-31T10:00:00Z", True),
        ("new_seen", "before", "2025-01-31T12:00:00+02:00", "2025-01-31T10:00:00Z", False),
        ("new_seen", "before", "2025-01-31T12:00:01+02:00", "2025-01-31T10:00:00Z", True),
        ("new_seen", "after", "2025-01-31T09:59:59Z", "2025-01-31T10:00:00Z", True),
        # and a date given for one is that whole day in UTC
        ("new_seen", "equals", "2025-01-31", "2025-01-31T23:59:59Z", True),
        ("new_seen", "equals", "2025-01-31", "2025-02-01T00:00:00Z", False),
        ("new_seen", "not_equals", "2025-01-31", "2025-01-31T00:00:00Z", False),
        ("new_seen", "one_of", ["2025-01-30", "2025-02-01T00:00:00Z"], "2025-02-01T00:00:00Z", True),
        ("new_seen", "before", "2025-01-31", "2025-01-30T23:59:59Z", True),
        ("new_seen", "before", "2025-01-31", "2025-01-31T00:00:00Z", False),
        ("new_seen", "on_or_before", "2025-01-31", "2025-01-31T23:59:59Z", True),
        ("new_seen", "after", "2025-01-31", "2025-01-31T23:59:59Z", False),
        ("new_seen", "after", "2025-01-31", "2025-02-01T00:00:00Z", True),
        ("new_seen", "on_or_after", "2025-01-31", "2025-01-31T00:00:00Z", True),
        ("new_seen", "between", ["2025-01-01", "2025-01-31"], "2025-01-31T23:59:59Z", True),
        ("new_seen", "between", ["2025-01-01", "2025-01-31"], "2025-02-01T00:00:00Z", False),
        # ids
        ("new_contactid", "equals", ID.upper(), ID, True),
        ("new_contactid", "equals", "{" + ID + "}", ID, True),
        ("new_contactid", "one_of", [OTHER_ID], ID, False),
        ("new_membershipid", "not_equals", OTHER_ID, ID, True),
    ],
)
def test_a_comparison_means_what_it_says(
    column: str, comparison: str, value: object, found: object, expected: bool
) -> None:
    assert holds(column, comparison, value, found) is expected


@pytest.mark.parametrize("comparison", SUITABLE)
def test_nothing_satisfies_empty_and_what_denies_something_and_no_more(comparison: str) -> None:
    column, value = SUITABLE[comparison]
    admit = admits(one(column, comparison, value), MEMBERSHIPS.columns)
    expected = comparison in DENYING | {"empty"}
    assert admit({column: None}) is expected
    assert admit({column: ""}) is expected
    assert admit({}) is expected


@pytest.mark.parametrize("comparison", sorted(SUITABLE.keys() - {"empty", "not_empty"}))
def test_a_value_of_another_type_lets_the_record_travel(comparison: str) -> None:
    # Given a comparison that looks into the value
    column, value = SUITABLE[comparison]
    # When a row holds what the column cannot hold, Then nobody drops or deletes the record for it
    assert holds(column, comparison, value, {"a": 1})


def test_and_wants_all_conditions_and_or_wants_one() -> None:
    first, second = condition("new_tier", "equals", 1), condition("new_name", "begins_with", "a")
    both = admits(Filter(all=(first, second)), MEMBERSHIPS.columns)
    either = admits(Filter(any=(first, second)), MEMBERSHIPS.columns)
    rows: list[dict[str, object]] = [{"new_tier": tier, "new_name": name} for tier in (1, 2) for name in ("Ann", "Bob")]
    assert [both(row) for row in rows] == [True, False, False, False]
    assert [either(row) for row in rows] == [True, True, True, False]


def test_a_filter_tells_its_columns_once_and_no_filter_lets_all_travel() -> None:
    joined = Filter(any=(condition("b", "empty"), condition("a", "empty"), condition("b", "not_empty")))
    assert columns(joined) == ("b", "a")
    assert columns(None) == ()
    assert admits(None, {})({"anything": 1})


@pytest.mark.parametrize(
    ("column", "comparison", "value", "key", "reason"),
    [
        (
            "new_active",
            "less_than",
            1,
            "is",
            "does not go with columns of type Boolean: use one of equals, not_equals, one_of, none_of, empty, "
            "not_empty",
        ),
        (
            "new_interests",
            "equals",
            1,
            "is",
            "does not go with columns of type MultiSelectPicklist: use one of empty, not_empty, contains_any, "
            "contains_all, contains_none",
        ),
        ("new_name", "equals", 75001, "value", "75001 is not text, which the column holds: write it in quotes"),
        ("new_points", "equals", "5", "value", "5 is not a whole number"),
        ("new_points", "less_than", 1.5, "value", "1.5 is not a whole number"),
        ("new_discount", "equals", True, "value", "true is not a number"),
        ("new_active", "equals", 1, "value", "1 is not true or false"),
        ("new_tier", "equals", "Gold", "value", "Gold is a display label: write its number, 3"),
        (
            "new_tier",
            "one_of",
            [1, 7],
            "value",
            "7 is not a choice of the column: it has 1 (Bronze), 2 (Silver), 3 (Gold)",
        ),
        (
            "new_interests",
            "contains_any",
            [9],
            "value",
            "9 is not a choice of the column: it has 1 (Sports), 2 (Music), 3 (Travel; far)",
        ),
        (
            "new_since",
            "before",
            "2025-01-31T00:00:00Z",
            "value",
            "2025-01-31T00:00:00Z is not a date of the form YYYY-MM-DD",
        ),
        (
            "new_seen",
            "equals",
            "yesterday",
            "value",
            "yesterday is not a point in time of the form YYYY-MM-DDTHH:MM:SSZ, nor a date",
        ),
        ("new_points", "between", [7, 5], "value", "goes from more to less: exchange the two"),
        (
            "new_contactid",
            "equals",
            "Ann",
            "value",
            "Ann is not the id of a record, such as 00aa00aa-bb11-cc22-dd33-44ee44ee44ee",
        ),
    ],
)
def test_a_condition_that_cannot_be_asked_says_why(
    column: str, comparison: str, value: object, key: str, reason: str
) -> None:
    assert misfit(condition(column, comparison, value), MEMBERSHIPS.columns[column]) == (key, reason)


def test_a_filter_on_a_column_that_is_not_there_is_not_made_ready() -> None:
    with pytest.raises(Unfit, match="asks for new_absent, which the table does not have"):
        admits(one("new_absent", "equals", 1), MEMBERSHIPS.columns)


@pytest.mark.parametrize("column", MEMBERSHIPS.columns)
def test_what_serves_a_type_can_be_asked_of_it_and_nothing_else_can(column: str) -> None:
    shape = MEMBERSHIPS.columns[column]
    for comparison, (_, value) in SUITABLE.items():
        wrong = misfit(condition(column, comparison, value), shape)
        assert (wrong is not None and wrong.key == "is") is (comparison not in comparisons(shape.type))


def test_a_type_that_is_not_known_compares_as_text() -> None:
    assert admits(one("kind", "equals", "Contact"), {"kind": ColumnShape("EntityName")})({"kind": "contact"})


@given(
    st.sampled_from(sorted(SUITABLE)),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates().map(str) | st.lists(st.integers()),
)
def test_any_value_is_admitted_or_not(comparison: str, found: object) -> None:
    column, value = SUITABLE[comparison]
    assert holds(column, comparison, value, found) in (True, False)


@given(st.sampled_from(["new_points", "new_discount"]), st.integers(-5, 5), st.integers(-5, 5))
def test_the_orders_agree_with_each_other(column: str, given_: int, found: int) -> None:
    # Given the six comparisons of one number with another
    less, most, more, least, equal, other = (
        holds(column, comparison, given_, found)
        for comparison in ("less_than", "at_most", "more_than", "at_least", "equals", "not_equals")
    )
    # Then they say of it what its order says
    assert (less, most, more, least, equal, other) == (
        found < given_,
        found <= given_,
        found > given_,
        found >= given_,
        found == given_,
        found != given_,
    )
