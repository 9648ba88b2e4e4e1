"""How far a system's clock is from ours, told by the Date of each of its answers (RFC 9110, 6.6.1).

A Date names a whole second, in which the answer was begun, between our sending and our receiving. So each answer bounds
the offset from both sides, and answers on either side of a second's turn leave little room between the bounds.
"""

from __future__ import annotations

import math
import threading
from calendar import timegm
from typing import NamedTuple

#: How fast two clocks may part while they are set right little by little, seconds in a second (adjtime: 500 ppm).
#: By so much an old bound is trusted less with each second.
PARTING = 0.0005

_MONTHS = dict(
    zip(("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), range(1, 13), strict=True)
)


class Skew(NamedTuple):
    """A clock's offset to another: `ms` ahead of it (negative: behind), true to `within_ms` to either side."""

    ms: int
    within_ms: int


class Clock:
    """One system's clock as its answers show it; shared by all threads of a process.

    It is the clock of whoever writes the Date: of a system behind a gateway, that may be the gateway's.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Bounds of the offset in seconds, and when each was found.
        self._least, self._least_at = -math.inf, 0.0
        self._most, self._most_at = math.inf, 0.0
        self._heard = False
        # Text and beginning of the last Date's second, one value so that no thread sees half of it.
        self._last: tuple[str | None, int] = (None, 0)

    def note(self, date: str, sent: float, received: float) -> None:
        """An answer with this Date, asked for and received at these moments of our clock, Unix time in seconds.

        A Date that cannot be read says nothing.
        """
        text, begun = self._last
        if date != text:
            try:
                begun = _second_of(date)
            except (KeyError, ValueError):
                return
            self._last = (date, begun)
        least, most = begun - received, begun + 1 - sent
        if most <= least:
            return  # our own clock was set back between the two moments
        with self._lock:
            self._narrow(least, most, received)

    def skew(self, now: float) -> Skew | None:
        """How far it is ahead of our clock, whose time is `now`, Unix time in seconds; None before the first answer."""
        with self._lock:
            if not self._heard:
                return None
            least, most = self._faded(now)
        return Skew(round((least + most) * 500), math.ceil((most - least) * 500))

    def _narrow(self, least: float, most: float, now: float) -> None:
        old_least, old_most = self._faded(now)
        self._heard = True
        if least > old_most or most < old_least:
            # One of the two clocks was set: what was known is of another time.
            old_least, old_most = -math.inf, math.inf
        if least >= old_least:
            self._least, self._least_at = least, now
        if most <= old_most:
            self._most, self._most_at = most, now

    def _faded(self, now: float) -> tuple[float, float]:
        return (
            self._least - PARTING * abs(now - self._least_at),
            self._most + PARTING * abs(now - self._most_at),
        )


def between(one: Skew | None, other: Skew | None) -> Skew | None:
    """How far the clock of `one` is ahead of that of `other`, both seen from ours; None if either is not known."""
    if one is None or other is None:
        return None
    return Skew(one.ms - other.ms, one.within_ms + other.within_ms)


def _second_of(date: str) -> int:
    """Unix time of "Sun, 06 Nov 1994 08:49:37 GMT", as all servers write it. Raises KeyError, ValueError."""
    if date[25:] != " GMT":
        raise ValueError("no Date")
    day = timegm((int(date[12:16]), _MONTHS[date[8:11]], int(date[5:7]), 0, 0, 0))
    return day + int(date[17:19]) * 3600 + int(date[20:22]) * 60 + int(date[23:25])
