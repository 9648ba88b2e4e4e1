"""One Dynamics value read in the form that a Campaign field wants it, or refused.

Every function takes a value that is not null, gives the whole of it in another form, and raises Unfit rather than
lose a part. The conversion table in `sync/mapping/conversion.py` says which function serves which pair of types.
"""

import math
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal


class Unfit(ValueError):
    """A value does not fit its field; the text says how, without repeating the value."""


# -- text --------------------------------------------------------------------------------------------------------


def as_text(value: object) -> str:
    """Text as it is."""
    if not isinstance(value, str):
        raise Unfit("is not text")
    return value


def digits(value: object) -> str:
    """A whole number in decimal digits."""
    return str(whole(value))


def decimal(value: object) -> str:
    """A number in the shortest decimal digits that read back as the same number, without an exponent."""
    written = format(Decimal(repr(real(value) or 0)), "f")
    return written.rstrip("0").rstrip(".") if "." in written else written


def true_or_false(value: object) -> str:
    """A yes/no value as a word."""
    return "true" if flag(value) else "false"


def any_text(value: object) -> str:
    """A value of a type that this software knows nothing about, as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return true_or_false(value)
    if isinstance(value, int | float):
        return decimal(value)
    raise Unfit("is a structure of several values, not one")


# -- numbers -----------------------------------------------------------------------------------------------------

_PLAIN_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")
_PLAIN_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,310})(?:\.[0-9]{1,400})?")


def whole(value: object) -> int:
    """A whole number as it is; true and 1.0 are none."""
    if type(value) is int:
        return value
    raise Unfit("is not a whole number")


def real(value: object) -> int | float:
    """A finite number as it is; true is none."""
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return value
    raise Unfit("is not a number")


def exact(value: object) -> int | float:
    """A decimal number as it is, unless it may have been rounded before we saw it.

    Dynamics sends decimals as JSON numbers, which are read as doubles: those keep any 15 digits, and not all with more.
    What was rounded to fewer digits again, 12345678901.0000000001 to 12345678901.0, cannot be told.
    """
    number = real(value)
    # Most numbers are short, and 15 digits and a point are 16 characters: their digits need not be counted.
    if type(number) is float and len(repr(number)) > 16 and float(f"{number:.15g}") != number:
        raise Unfit("has more than 15 digits, of which some may be lost")
    return number


def decimal_of_exact(value: object) -> str:
    """A decimal number that is surely whole, as `decimal` writes it."""
    return decimal(exact(value))


def whole_of_exact(value: object) -> int:
    """A decimal number that is surely whole and has no fraction, as a whole one."""
    return whole_of_real(exact(value))


def flag_of_exact(value: object) -> bool:
    """1 or 0, surely."""
    return flag_of_number(exact(value))


def whole_of_real(value: object) -> int:
    """A number without a fraction as a whole one."""
    number = real(value)
    if number != int(number):
        raise Unfit("has a fraction, and the field takes whole numbers")
    return int(number)


def whole_of_text(value: object) -> int:
    """Plain digits as a whole number: blanks, leading zeros and separators would be lost, and are refused."""
    written = as_text(value)
    if not _PLAIN_WHOLE.fullmatch(written):
        raise Unfit("is not a plain whole number")
    return int(written)


def real_of_text(value: object) -> float:
    """Plain decimal digits as a number that keeps them all."""
    written = as_text(value)
    if not _PLAIN_DECIMAL.fullmatch(written):
        raise Unfit("is not a plain number")
    number = float(written)
    if not math.isfinite(number) or Decimal(repr(number)) != Decimal(written):
        raise Unfit("has more digits than the field keeps")
    return number


def number_of_flag(value: object) -> int:
    """1 for true, 0 for false."""
    return 1 if flag(value) else 0


# -- yes and no --------------------------------------------------------------------------------------------------

_SPELLINGS = {"true": True, "1": True, "false": False, "0": False}


def flag(value: object) -> bool:
    """A yes/no value as it is."""
    if isinstance(value, bool):
        return value
    raise Unfit("is not true or false")


def flag_of_text(value: object) -> bool:
    """true, false, 1 or 0 in any case of letters."""
    found = _SPELLINGS.get(as_text(value).lower())
    if found is None:
        raise Unfit("is none of true, false, 1 and 0")
    return found


def flag_of_number(value: object) -> bool:
    """1 or 0."""
    number = real(value)
    if number not in (0, 1):
        raise Unfit("is neither 1 nor 0")
    return number == 1


# -- dates and points in time ------------------------------------------------------------------------------------

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]((?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])"
    r"(?:\.([0-9]{1,9}))?(Z|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))?"
)
_NOT_A_MOMENT = "is not a point in time of the form YYYY-MM-DDTHH:MM:SSZ"


def day(value: object) -> str:
    """A date of the calendar, `YYYY-MM-DD`, as it is."""
    written = as_text(value)
    try:
        if _DAY.fullmatch(written):
            date.fromisoformat(written)
            return written
    except ValueError:
        pass
    raise Unfit("is not a date of the form YYYY-MM-DD")


def midnight(value: object) -> str:
    """The beginning of a date in UTC, `YYYY-MM-DD 00:00:00.000Z`."""
    return f"{day(value)} 00:00:00.000Z"


def moment(value: object) -> str:
    """A point in time, `YYYY-MM-DD HH:MM:SS.mmmZ` in UTC; without a zone it is taken as UTC, as Dataverse does."""
    match = _MOMENT.fullmatch(as_text(value))
    if match is None:
        raise Unfit(_NOT_A_MOMENT)
    day_part, time_part, fraction, _zone, sign, hours, minutes = match.groups("")
    if fraction[3:].strip("0"):
        raise Unfit("is finer than a millisecond, which the field does not keep")
    try:
        found = datetime.fromisoformat(f"{day_part} {time_part}").replace(tzinfo=UTC)
        if sign:
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            found += -offset if sign == "+" else offset
    except (ValueError, OverflowError):
        raise Unfit(_NOT_A_MOMENT) from None
    return f"{found.isoformat(' ')[:19]}.{fraction[:3].ljust(3, '0')}Z"


def moment_or_day(value: object) -> str:
    """A point in time, or a date as its beginning, in UTC."""
    written = as_text(value)
    return midnight(written) if len(written) == 10 else moment(written)


def utc_day(value: object) -> str:
    """The date that a point in time has in UTC."""
    return moment(value)[:10]
