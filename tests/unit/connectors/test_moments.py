"""Moments as Campaign and Dynamics write them: read strictly, written as they are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.moments import campaign_ms, campaign_text, dynamics_ms

LAST_MS = 253_402_300_799_999  # 9999-12-31


def test_campaign_writes_a_blank_three_digits_and_a_z() -> None:
    assert campaign_ms("2024-03-02 10:18:20.543Z") == 1_709_374_700_543
    assert campaign_text(1_709_374_700_543) == "2024-03-02 10:18:20.543Z"
    assert campaign_text(0) == "1970-01-01 00:00:00.000Z"
    assert campaign_ms("1969-12-31 23:59:59.999Z") == -1


def test_an_empty_text_stands_for_no_moment() -> None:
    assert campaign_ms("") is None


@given(st.integers(-62_135_596_800_000, LAST_MS))
def test_every_moment_that_can_be_written_is_read_back(ms: int) -> None:
    assert campaign_ms(campaign_text(ms)) == ms


@pytest.mark.parametrize("ms", [LAST_MS + 1, -62_135_596_800_001, 10**30])
def test_a_moment_outside_of_the_years_is_not_written(ms: int) -> None:
    with pytest.raises(ValueError, match="years"):
        campaign_text(ms)


@pytest.mark.parametrize(
    "odd",
    [
        " ",
        None,
        0,
        True,
        {},
        "2024-03-02",
        "2024-03-02 10:18:20Z",
        "2024-03-02 10:18:20.5Z",
        "2024-03-02 10:18:20.543",
        "2024-03-02T10:18:20.543Z",
        "2024-03-02 10:18:20.543+01:00",
        "2024-03-02 10:18:20.543Z ",
        "2024-13-02 10:18:20.543Z",
        "2023-02-29 10:18:20.543Z",
        "2024-03-02 24:18:20.543Z",
        "0000-03-02 10:18:20.543Z",
        "٢٠٢٤-03-02 10:18:20.543Z",
        "2024-03-02 10:18:20.\u0665\u0664\u0663Z",
    ],
)
def test_nothing_else_is_taken_for_a_moment_of_campaign(odd: object) -> None:
    with pytest.raises(ValueError):
        campaign_ms(odd)


def test_dynamics_writes_whole_seconds_with_a_t_and_a_z() -> None:
    assert dynamics_ms("2023-04-07T21:59:01Z") == 1_680_904_741_000
    assert dynamics_ms("2023-04-07T21:59:01.25Z") == 1_680_904_741_250
    assert dynamics_ms("2023-04-07T21:59:01.1234567Z") == 1_680_904_741_123


@pytest.mark.parametrize(
    "odd", ["", None, 5, "2023-04-07", "2023-04-07 21:59:01Z", "2023-04-07T21:59:01", "2023-04-07T21:59:61Z"]
)
def test_nothing_else_is_taken_for_a_moment_of_dynamics(odd: object) -> None:
    with pytest.raises(ValueError):
        dynamics_ms(odd)
