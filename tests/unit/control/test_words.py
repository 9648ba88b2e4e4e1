"""Numbers, ages and times as people and programs read them."""

import pytest

from control.words import ago, counted, duration, iso, number, rate


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (0.4, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (7800, "2 h 10 min"),
        (86_400, "1 d"),
        (4 * 86_400 + 6 * 3600, "4 d 6 h"),
    ],
)
def test_a_duration_is_shown_in_its_two_largest_units(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_time_is_an_age_for_people_and_iso_8601_for_programs() -> None:
    # Given a moment three minutes before now
    now_ms = 1_800_000_000_000
    then_ms = now_ms - 180_000
    # Then people read its age and programs the moment itself
    assert ago(then_ms, now_ms) == "3 min ago"
    assert iso(then_ms) == "2027-01-15T07:57:00Z"
    # And nothing is a dash, or null
    assert (ago(None, now_ms), iso(None)) == ("-", None)


def test_a_clock_that_runs_ahead_never_shows_a_negative_age() -> None:
    assert ago(1_000, 0) == "0 s ago"


@pytest.mark.parametrize(("value", "shown"), [(0, "0"), (0.44, "0.4"), (9.94, "9.9"), (9.96, "10"), (1234.5, "1,234")])
def test_a_rate_has_a_decimal_only_while_it_is_small(value: float, shown: str) -> None:
    assert rate(value) == shown


def test_numbers_have_thousands_separators_and_nouns_their_plural() -> None:
    assert number(1_234_567) == "1,234,567"
    assert (counted(1, "record"), counted(0, "record"), counted(2_000, "record")) == (
        "1 record",
        "0 records",
        "2,000 records",
    )
