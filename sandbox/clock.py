"""The sandbox's own clock: real time plus an offset that only grows. It never goes back; the machine's may."""

import time
from datetime import UTC, datetime
from email.utils import formatdate


class Clock:
    """All stamps, token lives, delta-token ages and limit windows are read from here: a week passes in one call.

    `skews`: by how many seconds a system's own clock is ahead (or, negative, behind). Nothing but what it shows the
    world, stamps and `Date` headers, follows from it.
    """

    def __init__(self) -> None:
        self._offset = 0.0
        self._latest = 0.0  # of the machine's clock
        self.skews: dict[str, float] = {}

    def now(self) -> float:
        """Seconds since the epoch, sandbox time."""
        self._latest = max(self._latest, time.time())
        return self._latest + self._offset

    def shown(self, system: str) -> float:
        """Seconds since the epoch as this system's own clock has it."""
        return self.now() + self.skews.get(system, 0.0)

    def advance(self, seconds: float) -> float:
        """Move forward by `seconds` (never back: versions and stamps would contradict each other); the new time."""
        if seconds < 0:
            raise ValueError("The sandbox clock only moves forward; give `advance` a positive number of seconds.")
        self._offset += seconds
        return self.now()

    def reset(self) -> None:
        self._offset = 0.0

    def utc(self) -> datetime:
        return datetime.fromtimestamp(self.now(), UTC)


def http_date(moment: float) -> bytes:
    """`Sun, 06 Nov 1994 08:49:37 GMT`: whole seconds (RFC 9110, 5.6.7)."""
    return formatdate(int(moment), usegmt=True).encode()


def dataverse_stamp(moment: float) -> str:
    """`2023-04-07T21:59:01Z`: UTC, whole seconds (learn.microsoft.com, Web API: types and operations)."""
    return datetime.fromtimestamp(int(moment), UTC).isoformat()[:19] + "Z"


def campaign_stamp(moment: float) -> str:
    """`2020-07-31 11:19:00.304Z`: a blank between date and time, three digits of milliseconds, UTC."""
    return datetime.fromtimestamp(moment, UTC).isoformat(" ", "milliseconds")[:23] + "Z"
