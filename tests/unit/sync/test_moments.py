"""The spellings of a point in time in Campaign's events."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.moments import EARLIEST, NoMoment, moment

_LATEST = datetime(2250, 1, 1)  # noqa: DTZ001  # hypothesis adds the zone itself
_MOMENTS = st.datetimes(EARLIEST.replace(tzinfo=None), _LATEST, timezones=st.just(UTC))


@pytest.mark.parametrize(
    "written",
    [
        "2024-05-17T08:44:49Z",
        "2024-05-17T08:44:49",
        "2024-05-17 08:44:49Z",
        "2024-05-17 08:44:49",
        " 2024-05-17 08:44:49.000Z ",
        "2024-05-17T08:44:49.000000000Z",
        "2024-05-17T10:44:49+02:00",
        "2024-05-17T10:44:49.0+0200",
        "2024-05-17T03:44:49-05",
        "2024-05-17T00:14:49-08:30",
        "1715935489000",
        1715935489000,
        1715935489000.0,
    ],
    ids=repr,
)
def test_a_point_in_time_may_be_written_in_many_ways(written: object) -> None:
    assert moment(written) == datetime(2024, 5, 17, 8, 44, 49, tzinfo=UTC)


def test_what_is_left_out_of_a_time_is_zero() -> None:
    assert moment("2024-05-17 08:44:49.366Z") == datetime(2024, 5, 17, 8, 44, 49, 366_000, tzinfo=UTC)
    assert moment("2024-05-17T08:44") == datetime(2024, 5, 17, 8, 44, tzinfo=UTC)
    assert moment("2024-05-17") == datetime(2024, 5, 17, tzinfo=UTC)


@given(_MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_whatever_the_zone_the_moment_is_the_same(when: datetime, minutes: int) -> None:
    there = when.astimezone(timezone(timedelta(minutes=minutes)))
    assert moment(there.isoformat()) == moment(there.isoformat(" ")) == when
    assert moment(when.replace(tzinfo=None).isoformat()) == when


@given(_MOMENTS)
def test_milliseconds_since_1970_are_read_as_numbers_and_as_text(when: datetime) -> None:
    milliseconds = (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert when - moment(milliseconds) < timedelta(milliseconds=1)
    if len(str(milliseconds)) == 13:  # text of fewer digits may be something else
        assert moment(str(milliseconds)) == moment(milliseconds)


@pytest.mark.parametrize(
    ("date_format", "written", "expected"),
    [
        ("%d/%m/%Y %H:%M:%S", "17/05/2024 08:44:49", (2024, 5, 17, 8, 44, 49)),
        ("%m/%d/%Y", "05/17/2024", (2024, 5, 17)),
        ("%Y%m%d", "20240517", (2024, 5, 17)),
        ("%d.%m.%Y %H:%M %z", "17.05.2024 08:44 +0200", (2024, 5, 17, 6, 44)),
        ("%d %B %Y %I:%M %p", "17 May 2024 08:44 PM", (2024, 5, 17, 20, 44)),
        # A configured format comes before ISO 8601, which would read the fifth of the seventeenth month.
        ("%Y-%d-%m", "2024-06-05", (2024, 5, 6)),
    ],
)
def test_configured_formats_are_tried_first(date_format: str, written: str, expected: tuple[int, ...]) -> None:
    assert moment(written, ["%H", date_format]) == datetime(*expected, tzinfo=UTC)  # type: ignore[arg-type, misc]
    # and what fits none of them is read as without
    assert moment("2024-05-17T08:44:49Z", ["%H", date_format]) == datetime(2024, 5, 17, 8, 44, 49, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "yesterday",
        "17/05/2024",
        "2024-05-17T",
        "2024-05-17T25:00:00Z",
        "2024-05-17T08:44:60Z",
        "2024-02-30",
        "2024-W20-5",
        "20240517T084449Z",
        "2024-05-17T08:44:49 CET",
        "2024-05-17T08:44:49+25:00",
        "1715935489",
        "\N{FULLWIDTH DIGIT TWO}024-05-17",
        1715935489,
        1.5,
        float("nan"),
        float("inf"),
        10**30,
        -1,
        True,
        None,
        [],
        "1999-12-31T23:59:59Z",
        "2000-01-01T00:00:00+00:01",
    ],
    ids=repr,
)
def test_what_is_no_moment_of_an_event_is_refused(written: object) -> None:
    with pytest.raises(NoMoment):
        moment(written)
