"""Conditions as they are written in one line, with the comparisons of the filters."""

import pytest

from sync.mapping.forms import Unfit
from sync.mapping.shapes import ColumnShape
from sync.mapping.written import all_of, condition

SHAPES = {
    "lastname": ColumnShape("String", 100),
    "statecode": ColumnShape("State", options={0: "Active", 1: "Inactive"}),
    "creditlimit": ColumnShape("Money"),
    "donotemail": ColumnShape("Boolean"),
    "birthdate": ColumnShape("DateOnly"),
    "modifiedon": ColumnShape("DateTime"),
    "parentcustomerid": ColumnShape("Lookup", targets=("account",)),
}
FIRM = "00aa00aa-bb11-cc22-dd33-44ee44ee44ee"


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("statecode equals 0", (0,)),
        ("statecode one_of 0, 1", (0, 1)),
        ("creditlimit at_least 12.5", (12.5,)),
        ("creditlimit between 1,2", (1, 2)),
        ("donotemail equals TRUE", (True,)),
        # Digits and words are text where the column holds text.
        ("lastname equals 007", ("007",)),
        ("lastname equals true", ("true",)),
        ("lastname begins_with de la ", ("de la",)),
        ("birthdate before 1960-01-01", ("1960-01-01",)),
        ("modifiedon after 2026-11-20T10:00:00Z", ("2026-11-20T10:00:00Z",)),
        (f"parentcustomerid equals {FIRM}", (FIRM,)),
        ("lastname empty", ()),
    ],
)
def test_a_value_is_read_as_its_column_holds_it(written: str, values: tuple[object, ...]) -> None:
    found = condition(written, SHAPES)
    assert repr(found.values) == repr(values)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "a condition must name a column"),
        ("nosuch equals 1", "the table has no column nosuch"),
        ("lastname", "lastname, of type String, must be followed by a comparison, one of equals, not_equals,"),
        ("lastname less_than 3", "lastname, of type String, must be followed by a comparison, one of"),
        ("lastname equals", "lastname equals: the value is missing: equals takes one value"),
        ("lastname empty x", "lastname empty: the value does not go with empty: remove it"),
        ("statecode equals Active", "statecode equals: the value Active is a display label: write its number, 0"),
        ("statecode equals 7", "statecode equals: the value 7 is not a choice of the column"),
        ("birthdate before yesterday", "birthdate before: the value"),
        ("parentcustomerid equals firm", "parentcustomerid equals: the value firm is not the id of a record"),
    ],
)
def test_what_is_no_condition_is_said_with_the_way_out(written: str, reason: str) -> None:
    with pytest.raises(Unfit) as unfit:
        condition(written, SHAPES)
    assert str(unfit.value).startswith(reason)


def test_several_must_hold_together_and_none_lets_everything_pass() -> None:
    holds, columns = all_of(["statecode equals 0", "lastname begins_with de"], SHAPES)
    assert columns == ("statecode", "lastname")
    found = [holds({"statecode": code, "lastname": name}) for code in (0, 1) for name in ("De Vries", "Ann")]
    assert found == [True, False, False, False]
    holds, columns = all_of([], SHAPES)
    assert (holds({}), columns) == (True, ())
