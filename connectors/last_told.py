"""What answers told this process last: how much of a budget is left, when a token ends, how far a clock is away.

A worker tells the store after each task, as it does with `connectors.requests_made`.
"""

import threading
import time
from typing import Literal

from connectors.clocks import Clock
from connectors.errors import System

Figure = Literal["budget-requests", "budget-seconds", "token-ends", "clock"]
"""Requests left, seconds of work left, Unix time in seconds, seconds ahead of this process."""


class LastTold:
    """The newest figure of each kind and system. Shared by all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._figures: dict[tuple[str, str], float] = {}
        self._clocks: dict[System, Clock] = {}

    def note(self, system: System, figure: Figure, value: float) -> None:
        with self._lock:
            self._figures[system, figure] = value

    def note_clock(self, system: System, clock: Clock) -> None:
        """An answer has told the time; how far the clock is away is looked up when the figures are taken."""
        self._clocks[system] = clock

    def take(self) -> dict[tuple[str, str], float]:
        """What was noted since the last time, by system and figure."""
        with self._lock:
            figures, self._figures = self._figures, {}
            clocks, self._clocks = self._clocks, {}
        now = time.time()
        for system, clock in clocks.items():
            if skew := clock.skew(now):
                figures[system, "clock"] = skew.ms / 1000
        return figures

    def put_back(self, figures: dict[tuple[str, str], float]) -> None:
        """What was taken and could not be told; what was noted since is newer."""
        with self._lock:
            self._figures = figures | self._figures


TOLD = LastTold()
