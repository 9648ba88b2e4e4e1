"""Times as operators type them."""

import pytest

from control.moments import moment_ms
from control.words import moment, window

NOW_MS = 1_795_000_000_000
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-11-20", "2026-11-20 00:00 UTC"),
        ("2026-11-21T12:00Z", "2026-11-21 12:00 UTC"),
        ("2026-11-21T12:00", "2026-11-21 12:00 UTC"),
        ("2026-11-21 12:00:05+01:00", "2026-11-21 11:00:05 UTC"),
        (" 20261120 ", "2026-11-20 00:00 UTC"),
    ],
)
def test_a_date_is_its_beginning_and_a_time_without_a_zone_is_utc(text: str, found: str) -> None:
    assert moment(moment_ms(text, NOW_MS)) == found


@pytest.mark.parametrize(
    ("text", "hours"),
    [("90min", 1.5), ("90m", 1.5), ("6h", 6), ("2d", 48), ("2 d", 48), ("1w ago", 168), ("36s", 0.01), ("0h", 0)],
)
def test_so_long_ago_is_counted_from_now(text: str, hours: float) -> None:
    assert moment_ms(text, NOW_MS) == NOW_MS - hours * HOUR_MS


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-13-01", "2d6h", "-2d", "2y", "2026", "999999w", "1969-12-31", "9999-12-31T23:59-14:00"],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        moment_ms(text, NOW_MS)


def test_a_window_is_told_by_the_ends_that_it_has() -> None:
    since_ms, until_ms = moment_ms("2026-11-20", 0), moment_ms("2026-11-21T12:00Z", 0)
    assert window(since_ms, until_ms) == "since 2026-11-20 00:00 UTC until 2026-11-21 12:00 UTC"
    assert (window(since_ms, None), window(None, until_ms), window(None, None)) == (
        "since 2026-11-20 00:00 UTC",
        "until 2026-11-21 12:00 UTC",
        "",
    )
