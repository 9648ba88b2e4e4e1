"""Conversion keeps the whole value or refuses it: never a cut text, a rounded number, a shifted date."""

import math
import struct
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sync.mapping.conversion import converter, misfit, shape_at, unset
from sync.mapping.forms import Unfit
from sync.mapping.shapes import FieldShape

SOURCES = [
    "String",
    "Memo",
    "Integer",
    "BigInt",
    "Decimal",
    "Double",
    "Money",
    "Boolean",
    "DateTime",
    "DateOnly",
]
SOURCES += ["Picklist", "State", "Status", "Uniqueidentifier", "Lookup", "Customer", "Owner"]
SOURCES += ["MultiSelectPicklist", "EntityName"]
TARGETS = [
    "string",
    "byte",
    "short",
    "int",
    "long",
    "int64",
    "float",
    "double",
    "boolean",
    "date",
    "datetime",
]
TARGETS += ["enumeration", "memo", "uuid", "link", "collection", "element"]

_JSON: st.SearchStrategy[object] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.integers().map(str),
    st.floats().map(str),
    st.dates().map(str),
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(), st.text(), max_size=1),
)


def convert(source: str, value: object, target: str, length: int | None = None, *values: str) -> object:
    return converter(source, FieldShape(target, length, values=values))(value)


def refusal(source: str, value: object, target: str, length: int | None = None, *values: str) -> str:
    with pytest.raises(Unfit) as caught:
        convert(source, value, target, length, *values)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "value", "target", "written"),
    [
        ("String", "42", "int", 42),
        ("String", "-1.25", "double", -1.25),
        ("String", "TRUE", "boolean", True),
        ("String", "0", "boolean", False),
        ("String", "1985-08-17", "date", "1985-08-17"),
        ("String", "1985-08-17", "datetime", "1985-08-17 00:00:00.000Z"),
        ("Integer", 7, "string", "7"),
        ("Integer", 1, "boolean", True),
        ("BigInt", 2**62, "int64", 2**62),
        ("Money", 20000.0, "string", "20000"),
        ("Decimal", 0.1, "string", "0.1"),
        ("Double", 1e22, "string", "10000000000000000000000"),
        ("Double", -0.0, "string", "0"),
        ("Decimal", 3.0, "int", 3),
        ("Decimal", 0.1, "float", 0.1),
        ("Double", 16777216.0, "float", 16777216.0),
        ("Decimal", 12345.6789012345, "double", 12345.6789012345),
        ("Decimal", -0.00001234567890123, "string", "-0.00001234567890123"),
        ("Decimal", -12345678901.1235, "string", "-12345678901.1235"),
        ("Money", 922337203685477, "string", "922337203685477"),
        ("Money", 9223372036854775, "int64", 9223372036854775),
        ("Money", 123456789012345.0, "int64", 123456789012345),
        ("Double", 12345678901.123457, "double", 12345678901.123457),
        ("Double", 12345678901.123457, "string", "12345678901.123457"),
        ("Boolean", True, "int", 1),
        ("Boolean", False, "double", 0),
        ("Boolean", True, "string", "true"),
        ("DateTime", "2023-04-07T21:59:01Z", "datetime", "2023-04-07 21:59:01.000Z"),
        ("DateTime", "2023-04-07T23:59:01.5+03:00", "datetime", "2023-04-07 20:59:01.500Z"),
        ("DateTime", "2023-04-07T23:59:01-03:00", "datetime", "2023-04-08 02:59:01.000Z"),
        ("DateTime", "2023-04-07T21:59:01", "datetime", "2023-04-07 21:59:01.000Z"),
        ("DateTime", "2023-04-07T23:30:00-01:00", "date", "2023-04-08"),
        ("DateTime", "2023-04-07T21:59:01Z", "string", "2023-04-07T21:59:01Z"),
        ("DateOnly", "1980-05-07", "date", "1980-05-07"),
        ("DateOnly", "1980-05-07", "datetime", "1980-05-07 00:00:00.000Z"),
        ("Picklist", 2, "string", "2"),
        ("Picklist", 2, "byte", 2),
        (
            "Uniqueidentifier",
            "00aa00aa-bb11-cc22-dd33-44ee44ee44ee",
            "uuid",
            "00aa00aa-bb11-cc22-dd33-44ee44ee44ee",
        ),
        ("MultiSelectPicklist", "1,9", "string", "1,9"),
        ("Lookup", "00aa00aa-bb11-cc22-dd33-44ee44ee44ee", "string", "00aa00aa-bb11-cc22-dd33-44ee44ee44ee"),
        ("DateTime", "2023-04-07T00:00:00.000Z", "datetime", "2023-04-07 00:00:00.000Z"),
        ("String", "2023-04-07T21:59:01+02:00", "datetime", "2023-04-07 19:59:01.000Z"),
        ("EntityName", True, "string", "true"),
    ],
)
def test_a_value_that_fits_is_written_in_campaigns_form(
    source: str, value: object, target: str, written: object
) -> None:
    result = convert(source, value, target)
    assert (result, type(result)) == (written, type(written))


@pytest.mark.parametrize(
    ("source", "value", "target", "sentence"),
    [
        ("String", 5, "string", "is not text"),
        ("String", "007", "int", "is not a plain whole number"),
        ("String", " 7", "int", "is not a plain whole number"),
        ("String", "٣", "int", "is not a plain whole number"),
        ("String", "7.0", "int", "is not a plain whole number"),
        ("String", "1,5", "double", "is not a plain number"),
        ("String", "1e5", "double", "is not a plain number"),
        ("String", "nan", "double", "is not a plain number"),
        ("String", "0.12345678901234567890", "double", "has more digits than the field keeps"),
        ("String", "9" * 310, "double", "has more digits than the field keeps"),
        ("String", "yes", "boolean", "is none of true, false, 1 and 0"),
        ("String", "2023-02-29", "date", "is not a date of the form YYYY-MM-DD"),
        ("String", "20230228", "date", "is not a date of the form YYYY-MM-DD"),
        ("String", "2023-W09-2", "date", "is not a date of the form YYYY-MM-DD"),
        ("DateOnly", "2023-02-28T00:00:00Z", "date", "is not a date of the form YYYY-MM-DD"),
        ("Integer", 2**31, "int", "is out of the field's range, -2147483648 to 2147483647"),
        ("Integer", -129, "byte", "is out of the field's range, -128 to 127"),
        (
            "BigInt",
            2**63,
            "int64",
            "is out of the field's range, -9223372036854775808 to 9223372036854775807",
        ),
        ("Integer", 1.0, "int", "is not a whole number"),
        ("Integer", True, "int", "is not a whole number"),
        ("Integer", 2, "boolean", "is neither 1 nor 0"),
        ("BigInt", 2**53 + 1, "double", "has more digits than the field keeps"),
        ("Decimal", 1.5, "int", "has a fraction, and the field takes whole numbers"),
        ("Decimal", float("inf"), "int", "is not a number"),
        ("Decimal", "1.5", "double", "is not a number"),
        ("Decimal", 12345678901.1234567891, "double", "has more than 15 digits, of which some may be lost"),
        ("Decimal", -12345678901.1234567891, "string", "has more than 15 digits, of which some may be lost"),
        ("Decimal", 0.1234567890123456, "float", "has more than 15 digits, of which some may be lost"),
        ("Money", 922337203685477.5807, "string", "has more than 15 digits, of which some may be lost"),
        ("Money", 922337203685477.5807, "double", "has more than 15 digits, of which some may be lost"),
        ("Money", 922337203685477.5807, "int64", "has more than 15 digits, of which some may be lost"),
        ("Money", 922337203685477.5807, "boolean", "has more than 15 digits, of which some may be lost"),
        (
            "Double",
            123456789.125,
            "float",
            "has more digits than a float keeps: use a double field in Campaign",
        ),
        ("Double", 1e39, "float", "is out of the field's range"),
        ("Boolean", 1, "boolean", "is not true or false"),
        ("Boolean", "true", "string", "is not true or false"),
        ("DateTime", "2023-04-07", "datetime", "is not a point in time of the form YYYY-MM-DDTHH:MM:SSZ"),
        (
            "DateTime",
            "2023-04-07T24:00:00Z",
            "datetime",
            "is not a point in time of the form YYYY-MM-DDTHH:MM:SSZ",
        ),
        (
            "DateTime",
            "2023-02-30T01:00:00Z",
            "datetime",
            "is not a point in time of the form YYYY-MM-DDTHH:MM:SSZ",
        ),
        (
            "DateTime",
            "0001-01-01T00:00:00+01:00",
            "datetime",
            "is not a point in time of the form YYYY-MM-DDTHH:MM:SSZ",
        ),
        (
            "DateTime",
            "2023-04-07T21:59:01.0001Z",
            "datetime",
            "is finer than a millisecond, which the field does not keep",
        ),
        ("Lookup", {"id": 1}, "string", "is a structure of several values, not one"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_without_being_repeated(
    source: str, value: object, target: str, sentence: str
) -> None:
    assert refusal(source, value, target) == sentence


def test_a_text_is_never_cut() -> None:
    assert convert("String", "abc", "string", 3) == "abc"
    assert refusal("String", "abcd", "string", 3) == "is 4 characters long, and the field takes 3 at most"
    assert refusal("Integer", 1000, "string", 3) == "is 4 characters long, and the field takes 3 at most"
    assert convert("String", "abcd", "string", 0) == "abcd"


def test_an_enumeration_takes_its_names_only() -> None:
    assert convert("String", "male", "enumeration", None, "unknown", "male") == "male"
    assert convert("Picklist", 2, "enumeration", None, "1", "2") == "2"
    assert convert("String", "anything", "enumeration") == "anything"
    sentence = "is not one of the names that the field takes (unknown, male)"
    assert refusal("String", "Male", "enumeration", None, "unknown", "male") == sentence


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("source", SOURCES)
def test_what_is_promised_before_a_run_holds_in_the_run(source: str, target: str) -> None:
    if misfit(source, target) is None:
        assert callable(converter(source, FieldShape(target)))
    else:
        with pytest.raises(Unfit, match=f"^a Dynamics {source} cannot become a Campaign {target}$"):
            converter(source, FieldShape(target))


def test_every_named_type_reaches_a_field_of_its_own_kind() -> None:
    for source in SOURCES:
        assert misfit(source, "string") is None
        assert misfit(source, "link") is not None
    for source in ["Boolean", "Integer", "Decimal", "Double", "String"]:
        assert {misfit(source, target) for target in ("int", "boolean", "float", "double")} == {None}
    for source in ["DateTime", "DateOnly", "String"]:
        assert {misfit(source, target) for target in ("date", "datetime")} == {None}
    assert misfit("DateTime", "int") == "a Dynamics DateTime cannot become a Campaign int"


@given(st.sampled_from(SOURCES), st.sampled_from(TARGETS), _JSON, st.none() | st.integers(0, 5))
def test_any_value_converts_or_is_refused(source: str, target: str, value: object, length: int | None) -> None:
    assume(misfit(source, target) is None)
    try:
        convert(source, value, target, length, "unknown", "1")
    except Unfit as unfit:
        assert len(str(unfit)) < 200


@given(st.integers(-(2**70), 2**70), st.sampled_from(["byte", "short", "int", "int64", "double", "string"]))
def test_a_whole_number_comes_through_whole_or_not_at_all(value: int, target: str) -> None:
    try:
        written = convert("BigInt", value, target)
    except Unfit:
        return
    assert int(str(written)) == value
    assert target != "double" or int(float(str(written))) == value


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["int", "int64", "double", "string"]))
def test_a_number_is_never_rounded(value: float, target: str) -> None:
    try:
        written = convert("Double", value, target)
    except Unfit:
        return
    assert float(str(written)) == value


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(0, 10), st.sampled_from(["Decimal", "Money"]))
def test_a_decimal_of_15_digits_arrives_and_is_written_digit_by_digit(digits: int, places: int, source: str) -> None:
    number = Decimal(digits).scaleb(-places)
    arrived = float(number)
    assert Decimal(str(convert(source, arrived, "string"))) == number
    assert convert(source, arrived, "double") == arrived


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_decimal_that_arrives_with_more_than_15_digits_is_refused(value: float) -> None:
    assume(len(Decimal(repr(value)).normalize().as_tuple().digits) > 15)
    for target in ("string", "double", "float", "int64", "boolean"):
        assert refusal("Decimal", value, target) == "has more than 15 digits, of which some may be lost"


@given(st.decimals(allow_nan=False, allow_infinity=False).map(lambda number: format(number, "f")))
def test_a_number_in_text_keeps_every_digit(value: str) -> None:
    for target in ("int64", "double"):
        try:
            written = convert("String", value, target)
        except Unfit:
            continue
        assert Decimal(repr(written)) == Decimal(value)


@given(st.one_of(st.floats(width=32, allow_nan=False), st.floats(allow_nan=False), st.decimals(-1000, 1000, places=3)))
def test_a_float_field_gives_back_the_digits_it_was_given(number: float | Decimal) -> None:
    value = float(number)
    try:
        written = convert("Double", value, "float")
    except Unfit:
        # What Campaign would keep is another number, at the digits that were written
        assert not math.isfinite(value) or abs(value) > 3.4e38 or repr(value) != f"{_single(value):.6g}"
        return
    digits = len(Decimal(repr(value)).normalize().as_tuple().digits)
    assert written == value
    assert _single(value) == value or float(f"{_single(value):.{digits}g}") == value


def _single(value: float) -> float:
    kept: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return kept


_ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_MOMENTS = st.datetimes(datetime(1753, 1, 1), datetime(9998, 12, 31), timezones=_ZONES)  # noqa: DTZ001  # drawn with a zone


@given(_MOMENTS, st.sampled_from(["seconds", "milliseconds"]))
def test_a_point_in_time_stays_the_same_point(moment: datetime, timespec: str) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000 if timespec == "milliseconds" else 0)
    written = convert("DateTime", moment.isoformat(timespec=timespec), "datetime")
    assert isinstance(written, str)
    assert datetime.strptime(written, "%Y-%m-%d %H:%M:%S.%f%z") == moment
    assert (len(written), written[10], written[-5], written[-1]) == (24, " ", ".", "Z")
    assert convert("DateTime", moment.isoformat(timespec=timespec), "date") == str(moment.astimezone(UTC).date())


def test_nothing_is_written_as_campaigns_unset_value() -> None:
    assert [unset(FieldShape(kind)) for kind in ("string", "memo", "date", "datetime")] == [""] * 4
    assert unset(FieldShape("boolean")) is False
    assert [unset(FieldShape(kind)) for kind in ("byte", "int", "int64", "float", "double")] == [0] * 5
    assert unset(FieldShape("enumeration", values=("male", "unknown"))) == "unknown"
    assert unset(FieldShape("enumeration", values=("none", "en_gb"))) == "none"
    assert unset(FieldShape("enumeration", values=("a",))) == ""


def test_a_nested_field_is_found_by_its_dotted_name() -> None:
    fields = {
        "location": FieldShape("element"),
        "location.city": FieldShape("string", 50),
        "email": FieldShape("string"),
    }
    assert shape_at("location.city", fields) == FieldShape("string", 50)
    assert shape_at("location.zipCode", fields) == FieldShape("string")
    assert shape_at("email.domain", fields) is None
    assert shape_at("nowhere", fields) is None
