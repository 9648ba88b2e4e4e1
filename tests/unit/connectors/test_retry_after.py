"""Retry-After in both forms of RFC 9110, and in none."""

from __future__ import annotations

import email.utils

from hypothesis import given
from hypothesis import strategies as st

from connectors.http import LONGEST_PAUSE, retry_after

times = st.integers(min_value=0, max_value=4_000_000_000)


@given(seconds=st.integers(min_value=0, max_value=10**12))
def test_whole_seconds_are_taken_up_to_the_longest_pause(seconds: int) -> None:
    assert retry_after({"Retry-After": str(seconds)}, now=0) == min(seconds, LONGEST_PAUSE)


@given(now=times, ahead=st.integers(min_value=-3600, max_value=3600))
def test_a_date_counts_from_now_and_never_below_zero(now: int, ahead: int) -> None:
    value = email.utils.formatdate(now + ahead, usegmt=True)
    assert retry_after({"Retry-After": value}, now=now) == max(0, ahead)


@given(now=times, server=times, ahead=st.integers(min_value=0, max_value=3600))
def test_a_date_counts_from_the_servers_clock_where_it_tells_it(now: int, server: int, ahead: int) -> None:
    headers = {
        "Date": email.utils.formatdate(server, usegmt=True),
        "Retry-After": email.utils.formatdate(server + ahead, usegmt=True),
    }
    assert retry_after(headers, now=now) == ahead


@given(value=st.text(), date=st.text())
def test_whatever_stands_there_gives_a_bearable_wait_or_none(value: str, date: str) -> None:
    wait = retry_after({"Retry-After": value, "Date": date}, now=1_700_000_000)
    assert wait is None or 0 <= wait <= LONGEST_PAUSE


def test_no_header_gives_none() -> None:
    assert retry_after({}, now=0) is None
