"""Points in time as journals and files spell them, all read in UTC."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

#: Campaign did not exist before. A number of seconds that is taken for one of milliseconds lies far before it.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)

#: Milliseconds since 1970 as text: 13 digits from 2001 to 2286, and no date without blanks has as many.
_MILLISECONDS = re.compile(r"[0-9]{13}")

_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NoMoment(ValueError):
    """The value is no point in time at which anything can have happened; the text says how, without repeating it."""


def moment(value: object, formats: Sequence[str] = ()) -> datetime:
    """The point in time, in UTC.

    A text is read by the first of the `formats` (strptime) that fits, else as ISO 8601 with a T or a blank before the
    time (a date alone is its beginning), else as milliseconds since 1970, as a number is. Without a zone it is UTC.
    Raises NoMoment.
    """
    try:
        found = _of_text(value.strip(), formats) if isinstance(value, str) else _of_number(value)
        found = found.astimezone(UTC) if found.tzinfo is not UTC else found
    except OverflowError:
        raise NoMoment("lies beyond all times that are known here") from None
    if found < EARLIEST:
        raise NoMoment("lies before the year 2000; a number counts milliseconds since 1970, not seconds")
    return found


def _of_text(text: str, formats: Sequence[str]) -> datetime:
    for one in formats:
        try:
            found = datetime.strptime(text, one)  # noqa: DTZ007  # the zone follows
        except ValueError:
            continue
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    if _ISO.fullmatch(text):
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise NoMoment("is no date and time of the calendar") from None
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    if _MILLISECONDS.fullmatch(text):
        return _of_number(int(text))
    raise NoMoment("is not a point in time as ISO 8601 or egress.date_formats write it")


def _of_number(value: object) -> datetime:
    if type(value) is int or (type(value) is float and value.is_integer()):
        return _EPOCH + timedelta(milliseconds=value)
    raise NoMoment("is neither a point in time as text nor a whole number of milliseconds since 1970")


def ahead(span: timedelta) -> str:
    """A span of time in words, such as "3 hours"."""
    seconds = span.total_seconds()
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.0f} seconds"
