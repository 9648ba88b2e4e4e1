"""One throttle per target, shared by all workers: a rate, and a pause that holds everyone."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from redis import Redis

from store.scripts import clock_argument, script

#: Permits are fetched by the handful, so that a request does not cost a round trip of its own, and used within this
#: many seconds, so that a pause reaches everyone quickly.
_FRESH_SECONDS = 0.1
_LARGEST_HANDFUL = 20

#: Of what a window allows, a twentieth may be taken at once, and as much is never taken: it covers what was permitted
#: before a window and counts within it.
_PART = 20

#: How much a request's time counts in the mean of those before it.
_NEWEST = 0.1


class Allowance(NamedTuple):
    """So much in each second, and so much at once after a rest. Nothing in a second: no limit."""

    per_second: float = 0
    at_once: float = 100


NO_LIMIT = Allowance()


def within(limit: float, seconds: float) -> Allowance:
    """Never more than `limit` in any `seconds`, whenever one begins to count: what comes at once counts, too."""
    at_once = max(1.0, limit / _PART)
    return Allowance(max(limit - at_once - limit / _PART, limit / 2) / seconds, at_once)


class TooLong(Exception):
    """The target asked for a longer pause than the caller can wait; `seconds` says how long it still lasts."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The target asked for a pause of {seconds:.0f} s more.")
        self.seconds = seconds


class SharedThrottle:
    def __init__(
        self,
        redis: Redis,
        key: str,
        requests: Allowance = NO_LIMIT,
        sleep: Callable[[float], None] = time.sleep,
        left: int = 0,
        busy: Allowance = NO_LIMIT,
    ) -> None:
        """`left`: of the permits at once, those that are left to those who leave none.

        `busy`: seconds of work that the target may have, of all requests together. A request is charged with what those
        before it have taken on average as soon as it is permitted, and with the rest when `spent` tells of its end.
        """
        self._key = key
        self._left = left
        self._requests = requests
        # What is fetched and not used in time is lost: never fetch more than half of what the rate allows meanwhile.
        fair = int(requests.per_second * _FRESH_SECONDS / 2) if requests.per_second else _LARGEST_HANDFUL
        self._handful = min(_LARGEST_HANDFUL, max(1, fair))
        self._busy = busy
        self._mean = 0.0  # seconds that a request takes
        self._untold = 0.0  # seconds of work beyond what was charged
        self._charged: deque[float] = deque()  # with how much each permit was that is kept or under way
        self._sleep = sleep
        self._permit = script(redis, "permit")
        self._pause = script(redis, "pause")
        self._lock = threading.Lock()
        self._kept = 0
        self._kept_until = 0.0

    def permit(self, timeout: float, patience: float = math.inf) -> None:
        """Returns when a request may be sent.

        Raises TooLong if that would take more than `timeout` seconds, or if the target asked for a pause of more than
        `patience` seconds. Waiting for our own rate is no matter of patience.
        """
        give_up = time.monotonic() + timeout
        while True:
            wait, paused = self._take()
            if wait == 0:
                return
            if time.monotonic() + wait > give_up or (paused and wait > patience):
                raise TooLong(wait)
            self._sleep(wait)

    def _take(self) -> tuple[float, bool]:
        """0 with a permit taken, else the seconds to wait before asking again; and whether the target wants them."""
        with self._lock:
            now = time.monotonic()
            if self._kept == 0 or now > self._kept_until:
                self._give_back()
                granted, wait_ms, paused = self._ask(self._handful, None)
                if granted == 0:
                    return max(wait_ms, 1) / 1000, bool(paused)
                self._kept, self._kept_until = granted, now + _FRESH_SECONDS
            self._kept -= 1
            return 0, False

    def _give_back(self) -> None:
        """What is kept was not used in time, or must not be any more."""
        while self._kept:
            self._untold -= self._charged.pop()
            self._kept -= 1

    def spent(self, seconds: float) -> None:
        """A request that was permitted has ended; the target has worked so long on it."""
        with self._lock:
            self._untold += seconds - self._charged.popleft()
            self._mean += (seconds - self._mean) * (_NEWEST if self._mean else 1)

    def ask(self, wanted: int, now_ms: int | None = None) -> tuple[int, int]:
        """(permits granted, ms to wait if none were)."""
        granted, wait_ms, _ = self._ask(wanted, now_ms)
        return granted, wait_ms

    def _ask(self, wanted: int, now_ms: int | None) -> tuple[int, int, int]:
        untold, charge = self._untold, self._mean
        granted, wait_ms, paused = self._permit(
            keys=[self._key],
            args=[
                clock_argument(now_ms),
                *self._requests,
                wanted,
                self._left,
                *self._busy,
                f"{untold:.3f}",
                f"{charge:.3f}",
            ],
        )
        self._untold -= untold
        self._charged.extend([charge] * granted)
        return int(granted), int(wait_ms), int(paused)

    def pause(self, seconds: float, now_ms: int | None = None) -> None:
        """Everyone who shares this throttle waits that long from now."""
        self._pause(keys=[self._key], args=[clock_argument(now_ms), max(1, round(seconds * 1000))])
        with self._lock:
            self._give_back()
