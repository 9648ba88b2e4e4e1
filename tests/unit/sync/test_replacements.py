"""Replaced values and display labels: what travels instead of what a record holds."""

from typing import Any

import pytest

from config.ingress import FieldMapping
from sync.mapping.forms import Unfit
from sync.mapping.replacements import ready
from sync.mapping.rules import rule_of
from sync.mapping.shapes import ColumnShape, FieldShape
from tests.unit.sync.shapes import ID, MEMBERSHIPS

TIER, INTERESTS = MEMBERSHIPS.columns["new_tier"], MEMBERSHIPS.columns["new_interests"]
TEXT = FieldShape("string", 100)
NAMES = MEMBERSHIPS.fields["tier"]


def applied(
    column: ColumnShape,
    value: object,
    shape: FieldShape,
    replace: dict[str, Any] | None = None,
    *,
    technical: bool = True,
    label: object = None,
) -> object:
    field = FieldMapping.model_validate({"from": "new_column", "to": "field", "replace": replace or {}})
    rule = rule_of(field, technical, column, shape)
    assert rule.mistakes == ()
    return rule.apply(value, label)


@pytest.mark.parametrize(
    ("type_", "value", "replace", "target", "written"),
    [
        ("Picklist", 2, {"2": "silver", "": "none"}, NAMES, "silver"),
        ("Picklist", None, {"2": "silver", "": "bronze"}, NAMES, "bronze"),
        ("State", 0, {"0": True, "1": False}, FieldShape("boolean"), True),
        ("Status", 2, {"1": 10}, FieldShape("int"), 2),
        ("Boolean", True, {"true": "Y", "false": "N"}, TEXT, "Y"),
        ("Boolean", False, {"true": "Y", "false": "N"}, TEXT, "N"),
        ("Boolean", None, {"true": "Y", "false": "N", "": "?"}, TEXT, "?"),
        ("String", "#00FF00", {"#00FF00": "green"}, TEXT, "green"),
        ("String", "#00ff00", {"#00FF00": "green"}, TEXT, "#00ff00"),
        ("String", "", {"": "empty"}, TEXT, "empty"),
        ("String", "F", {"F": 1, "M": 2}, FieldShape("byte"), 1),
        ("String", "maybe", {"maybe": ""}, FieldShape("int"), 0),
        ("Integer", 7, {"7": "seven"}, TEXT, "seven"),
        ("Decimal", 1.5, {"1.50": "half more"}, TEXT, "half more"),
        ("Money", 20000.0, {"20000": 1}, FieldShape("double"), 1),
        ("Double", 0.5, {"1": "x"}, TEXT, "0.5"),
        ("DateOnly", "1900-01-01", {"1900-01-01": ""}, FieldShape("date"), ""),
        ("DateTime", "1900-01-01T00:00:00Z", {"1900-01-01": "2000-01-01"}, FieldShape("date"), "2000-01-01"),
        ("DateTime", "1900-01-01T00:00:00Z", {"1900-01-01T01:00:00+01:00": ""}, FieldShape("datetime"), ""),
        ("Lookup", ID, {ID.upper(): "head office"}, TEXT, "head office"),
    ],
)
def test_a_listed_value_is_replaced_and_another_travels_as_it_is(
    type_: str, value: object, replace: dict[str, Any], target: FieldShape, written: object
) -> None:
    result = applied(ColumnShape(type_), value, target, replace)
    assert (result, type(result)) == (written, type(written))


def test_a_choice_travels_as_its_number_or_as_its_label() -> None:
    assert applied(TIER, 3, TEXT) == "3"
    assert applied(TIER, 3, TEXT, technical=False, label="Gold") == "Gold"
    # What the row says goes before what was known when the run began
    assert applied(TIER, 3, TEXT, technical=False, label="Golden") == "Golden"
    assert applied(TIER, 3, TEXT, technical=False) == "Gold"
    assert applied(TIER, None, NAMES, technical=False) == "none"


def test_a_label_is_replaced_where_labels_travel() -> None:
    assert applied(TIER, 3, NAMES, {"Gold": "gold"}, technical=False, label="Gold") == "gold"


def test_a_choice_without_a_label_is_refused_where_labels_travel() -> None:
    with pytest.raises(Unfit, match=r"^is a choice without a display label: publish its column in Dynamics, or let"):
        applied(TIER, 9, TEXT, technical=False)
    with pytest.raises(Unfit, match=r"^is a choice without a display label"):
        applied(INTERESTS, "1,9", TEXT, technical=False)


def test_several_choices_travel_as_their_numbers_or_as_their_labels() -> None:
    assert applied(INTERESTS, "1,2", TEXT) == "1,2"
    assert applied(INTERESTS, "1,2", TEXT, technical=False, label="Sports; Music") == "Sports; Music"
    assert applied(INTERESTS, "1,2", TEXT, technical=False) == "Sports; Music"


def test_a_semicolon_in_a_label_does_not_tear_it_apart() -> None:
    written = applied(INTERESTS, "1,3", TEXT, {"Travel; far": "travel"}, technical=False, label="Sports; Travel; far")
    assert written == "Sports; travel"


def test_each_of_several_choices_is_replaced_by_itself() -> None:
    assert applied(INTERESTS, "1,2,3", TEXT, {"1": "sports", "3": "travel"}) == "sports,2,travel"
    # One that becomes nothing is left out, two that become the same are one
    assert applied(INTERESTS, "1,2,3", TEXT, {"1": "", "2": "fun", "3": "fun"}) == "fun"
    assert applied(INTERESTS, "1", TEXT, {"1": "", "": "nothing"}) == "nothing"
    assert applied(INTERESTS, None, TEXT, {"": "nothing"}) == "nothing"
    labels = {"Music": "M", "Sports": "S"}
    assert applied(INTERESTS, "2,1", TEXT, labels, technical=False, label="Music; Sports") == "M; S"


def test_several_replaced_choices_are_measured_together() -> None:
    with pytest.raises(Unfit, match=r"^is 11 characters long, and the field takes 10 at most$"):
        applied(INTERESTS, "1,2", FieldShape("string", 10), {"1": "sports", "2": "tune"})


def test_several_replaced_choices_are_a_name_of_an_enumeration_together() -> None:
    names = FieldShape("enumeration", values=("a,b", "unknown"))
    assert applied(INTERESTS, "1,2", names, {"1": "a", "2": "b"}) == "a,b"


def test_what_a_replacement_leaves_alone_must_fit_by_itself() -> None:
    with pytest.raises(Unfit, match=r"^is not one of the names that the field takes"):
        applied(TIER, 3, NAMES, {"1": "bronze"})


@pytest.mark.parametrize(
    ("column", "technical", "shape", "replace", "mistakes"),
    [
        (TIER, True, NAMES, {"3": "platinum"}, ["the new value of 3 is not one of the names that the field takes"]),
        (TIER, True, NAMES, {"Gold": "gold"}, ["Gold never travels, since the number does: write 3"]),
        (TIER, False, NAMES, {"3": "gold"}, ["3 never travels, since the display label does: write Gold"]),
        (
            TIER,
            True,
            NAMES,
            {"9": "gold"},
            ["9 is not a choice of the column: it has 1 (Bronze), 2 (Silver), 3 (Gold)"],
        ),
        (INTERESTS, True, TEXT, {"Sports": "s"}, ["Sports never travels, since the number does: write 1"]),
        (INTERESTS, True, FieldShape("string", 3), {"1": "four"}, ["the new value of 1 is 4 characters long"]),
        (ColumnShape("Picklist"), True, NAMES, {"x": "gold"}, ["x is not a plain whole number"]),
        (ColumnShape("Boolean"), True, TEXT, {"yes": "Y"}, ["yes is none of true, false, 1 and 0"]),
        (ColumnShape("Money"), True, TEXT, {"1.5": "a", "1.50": "b"}, ["1.50 is there twice, in two spellings"]),
        (ColumnShape("DateOnly"), True, TEXT, {"1.1.1900": ""}, ["1.1.1900 is not a date of the form YYYY-MM-DD"]),
        (
            ColumnShape("DateOnly"),
            True,
            FieldShape("date"),
            {"1900-01-01": 5, "": True},
            [
                "the new value of 1900-01-01 is a number, which a field of type date does not take",
                'the new value of "" is true or false, which a field of type date does not take',
            ],
        ),
        (
            ColumnShape("String"),
            True,
            FieldShape("string", 3),
            {"a": "four"},
            ["the new value of a is 4 characters long, and the field takes 3 at most"],
        ),
    ],
)
def test_every_wrong_replacement_is_named(
    column: ColumnShape, technical: bool, shape: FieldShape, replace: dict[str, Any], mistakes: list[str]
) -> None:
    found = ready(replace, column, technical, shape).mistakes
    assert len(found) == len(mistakes)
    for mistake, beginning in zip(found, mistakes, strict=True):
        assert mistake.sentence.startswith(beginning)
        assert mistake.key in replace
