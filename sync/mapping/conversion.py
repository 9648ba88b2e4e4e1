"""How a Dynamics value becomes a Campaign value: a table of type pairs, and a refusal for what does not fit.

No value is ever changed silently: text is not cut, numbers are not rounded. What each pair does:

    from \\ to   string        integer      float, double  boolean     date          datetime      enumeration
    text        as it is      digits       decimal        true/false  YYYY-MM-DD    ISO 8601      one of its names
    whole       digits        in range     if exact       1 and 0     -             -             its digits
    exact       decimal       if whole     if exact       1 and 0     -             -             -
    real        decimal       if whole     if exact       1 and 0     -             -             -
    yes/no      true/false    1 and 0      1 and 0        as it is    -             -             true/false
    moment      as it is      -            -              -           its UTC day   in UTC        -
    day         as it is      -            -              -           as it is      midnight UTC  -
    any other   as it is      -            -              -           -             -             one of its names

"Exact" are Decimal and Money, which come as JSON numbers: one with more than 15 digits may have lost some on the way,
and is refused. "Real" is Double, which never had more than it comes with.

"Any other" are lookups and ids, which travel as the bare id of a record, and several choices, as their numbers: 1,3.
A choice whose display label travels is text. Nothing (null, or empty text) becomes what Campaign holds where nothing
is set: "" in text and dates, 0, false, or the enumeration's unknown or none.

"digits" and "decimal" are plain: no blanks, no leading zeros, no thousands separators. Text to boolean takes true,
false, 1 and 0 in any case. A text date with a time but without a zone is UTC, as Dataverse has it. A point in time is
kept to the millisecond; as a date it is the day that it has in UTC, wherever those who see it in Dynamics may be.

Value forms: learn.microsoft.com, Web API: data types of Dataverse columns; experienceleague.adobe.com, Campaign
Standard: profile data model.
"""

import struct
from collections.abc import Callable, Mapping
from decimal import Decimal

from sync.mapping import forms
from sync.mapping.forms import Unfit
from sync.mapping.shapes import FieldShape

Converter = Callable[[object], object]

_SOURCES = {
    "String": "text",
    "Memo": "text",
    "Integer": "whole",
    "BigInt": "whole",
    "Picklist": "whole",
    "State": "whole",
    "Status": "whole",
    "Decimal": "exact",
    "Double": "real",
    "Money": "exact",
    "Boolean": "yes/no",
    "DateTime": "moment",
    "DateOnly": "day",
}

#: Campaign's whole numbers and their bits; "long" has 32 there.
_BITS = {"byte": 8, "short": 16, "int": 32, "integer": 32, "long": 32, "int64": 64}

_TARGETS = {
    **dict.fromkeys(_BITS, "integer"),
    "float": "float",
    "double": "double",
    "number": "double",
    "decimal": "double",
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "enumeration": "enumeration",
    "link": "link",
    "collection": "link",
    "element": "element",
    "object": "element",
}

_UNSET: dict[str, object] = {"integer": 0, "float": 0, "double": 0, "boolean": False}


def converter(source_type: str, shape: FieldShape) -> Converter:
    """The function that turns a Dynamics value (not null) into what Campaign takes; it raises Unfit.

    Raises Unfit itself if the two types do not convert at all.
    """
    if reason := misfit(source_type, shape.type):
        raise Unfit(reason)
    return _TABLE[_source(source_type), _target(shape.type)](shape)


def misfit(source_type: str, target_type: str) -> str | None:
    """Why no value of this Dynamics type can be written to a field of this Campaign type; None if it can."""
    if (_source(source_type), _target(target_type)) in _TABLE:
        return None
    return f"a Dynamics {source_type} cannot become a Campaign {target_type}"


def unset(shape: FieldShape) -> object:
    """What Campaign holds in a field of this shape where nothing is set; null is never written to a scalar."""
    if shape.type == "enumeration":
        return next((name for name in ("unknown", "none") if name in shape.values), "")
    return _UNSET.get(_target(shape.type), "")


def shape_at(target: str, fields: Mapping[str, FieldShape]) -> FieldShape | None:
    """The shape of a field by its dotted name; None if the resource has no such field.

    A member of an element such as `location` that the metadata does not describe one by one is taken as text.
    """
    if target in fields:
        return fields[target]
    parent = fields.get(target.rpartition(".")[0])
    if parent is not None and _target(parent.type) == "element":
        return FieldShape("string", read_only=parent.read_only)
    return None


def _source(name: str) -> str:
    return _SOURCES.get(name, "other")


def _target(name: str) -> str:
    return _TARGETS.get(name, "string")


def _string(text: Callable[[object], str]) -> Callable[[FieldShape], Converter]:
    def make(shape: FieldShape) -> Converter:
        most = shape.length
        if not most:
            return text

        def convert(value: object) -> str:
            written = text(value)
            if len(written) > most:
                raise Unfit(f"is {len(written)} characters long, and the field takes {most} at most")
            return written

        return convert

    return make


def _enumeration(text: Callable[[object], str]) -> Callable[[FieldShape], Converter]:
    def make(shape: FieldShape) -> Converter:
        names = frozenset(shape.values)
        shown = ", ".join(shape.values[:20]) + (", ..." if len(shape.values) > 20 else "")

        def convert(value: object) -> str:
            written = text(value)
            if names and written not in names:
                raise Unfit(f"is not one of the names that the field takes ({shown})")
            return written

        return convert

    return make


def _integer(number: Callable[[object], int]) -> Callable[[FieldShape], Converter]:
    def make(shape: FieldShape) -> Converter:
        bits = _BITS[shape.type]
        lowest, highest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

        def convert(value: object) -> int:
            written = number(value)
            if not lowest <= written <= highest:
                raise Unfit(f"is out of the field's range, {lowest} to {highest}")
            return written

        return convert

    return make


def _double(number: Callable[[object], int | float]) -> Callable[[FieldShape], Converter]:
    def convert(value: object) -> int | float:
        written = number(value)
        if type(written) is int and abs(written) > 1 << 53 and not _keeps(written):
            raise Unfit("has more digits than the field keeps")
        return written

    return lambda shape: convert


def _keeps(number: int) -> bool:
    try:
        return int(float(number)) == number
    except OverflowError:
        return False


def _float(number: Callable[[object], int | float]) -> Callable[[FieldShape], Converter]:
    """A float has 32 bits: a number fits if it comes back with all the digits it was written with."""

    def convert(value: object) -> int | float:
        written = number(value)
        try:
            (kept,) = struct.unpack("<f", struct.pack("<f", written))
        except (OverflowError, struct.error):
            raise Unfit("is out of the field's range") from None
        digits = len(Decimal(repr(written)).normalize().as_tuple().digits)
        if kept != written and (digits > 9 or float(f"{kept:.{digits}g}") != written):
            raise Unfit("has more digits than a float keeps: use a double field in Campaign")
        return written

    return lambda shape: convert


def _any_field(convert: Converter) -> Callable[[FieldShape], Converter]:
    return lambda shape: convert


_TABLE: dict[tuple[str, str], Callable[[FieldShape], Converter]] = {
    ("text", "string"): _string(forms.as_text),
    ("text", "integer"): _integer(forms.whole_of_text),
    ("text", "float"): _float(forms.real_of_text),
    ("text", "double"): _double(forms.real_of_text),
    ("text", "boolean"): _any_field(forms.flag_of_text),
    ("text", "date"): _any_field(forms.day),
    ("text", "datetime"): _any_field(forms.moment_or_day),
    ("text", "enumeration"): _enumeration(forms.as_text),
    ("whole", "string"): _string(forms.digits),
    ("whole", "integer"): _integer(forms.whole),
    ("whole", "float"): _float(forms.whole),
    ("whole", "double"): _double(forms.whole),
    ("whole", "boolean"): _any_field(forms.flag_of_number),
    ("whole", "enumeration"): _enumeration(forms.digits),
    ("exact", "string"): _string(forms.decimal_of_exact),
    ("exact", "integer"): _integer(forms.whole_of_exact),
    ("exact", "float"): _float(forms.exact),
    ("exact", "double"): _double(forms.exact),
    ("exact", "boolean"): _any_field(forms.flag_of_exact),
    ("real", "string"): _string(forms.decimal),
    ("real", "integer"): _integer(forms.whole_of_real),
    ("real", "float"): _float(forms.real),
    ("real", "double"): _double(forms.real),
    ("real", "boolean"): _any_field(forms.flag_of_number),
    ("yes/no", "string"): _string(forms.true_or_false),
    ("yes/no", "integer"): _integer(forms.number_of_flag),
    ("yes/no", "float"): _any_field(forms.number_of_flag),
    ("yes/no", "double"): _any_field(forms.number_of_flag),
    ("yes/no", "boolean"): _any_field(forms.flag),
    ("yes/no", "enumeration"): _enumeration(forms.true_or_false),
    ("moment", "string"): _string(forms.as_text),
    ("moment", "date"): _any_field(forms.utc_day),
    ("moment", "datetime"): _any_field(forms.moment),
    ("day", "string"): _string(forms.as_text),
    ("day", "date"): _any_field(forms.day),
    ("day", "datetime"): _any_field(forms.midnight),
    ("other", "string"): _string(forms.any_text),
    ("other", "enumeration"): _enumeration(forms.any_text),
}
