"""The sandbox's own clock: real time plus an offset that only ever grows."""

import time
from datetime import UTC, datetime


class Clock:
    """All stamps, token lives, delta-token ages and limit windows are read from here: a week passes in one call."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """Seconds since the epoch, sandbox time."""
        return time.time() + self._offset

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


def dataverse_stamp(moment: float) -> str:
    """`2023-04-07T21:59:01Z`: UTC, whole seconds (learn.microsoft.com, Web API: types and operations)."""
    return datetime.fromtimestamp(int(moment), UTC).isoformat()[:19] + "Z"


def campaign_stamp(moment: float) -> str:
    """`2020-07-31 11:19:00.304Z`: a blank between date and time, three digits of milliseconds, UTC."""
    return datetime.fromtimestamp(moment, UTC).isoformat(" ", "milliseconds")[:23] + "Z"
