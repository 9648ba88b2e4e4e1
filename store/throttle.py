"""One throttle per target, shared by all workers: a rate, and a pause that holds everyone."""

import math
import threading
import time
from collections.abc import Callable

from redis import Redis

from store.scripts import clock_argument, script

#: Permits are fetched by the handful, so that a request does not cost a round trip of its own, and used within this
#: many seconds, so that a pause reaches everyone quickly.
_FRESH_SECONDS = 0.1
_LARGEST_HANDFUL = 20

#: At once a target may be kept busy for as long as in so many seconds: a tenth of what Microsoft counts by.
BUSY_BURST_SECONDS = 30


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
        requests_per_second: float = 0,
        burst: int = 100,
        sleep: Callable[[float], None] = time.sleep,
        left: int = 0,
        busy_per_second: float = 0,
    ) -> None:
        """`left`: permits of the burst that are left to those who leave none; less than `burst`.

        `busy_per_second`: how many seconds of work the target may have in each second, of all requests together; 0: no
        limit. `spent` tells of them.
        """
        self._key = key
        self._left = left
        self._rate = requests_per_second
        # What is fetched and not used in time is lost: never fetch more than half of what the rate allows meanwhile.
        fair = int(requests_per_second * _FRESH_SECONDS / 2) if requests_per_second else _LARGEST_HANDFUL
        self._handful = min(_LARGEST_HANDFUL, max(1, fair))
        self._burst = burst
        self._busy_rate = busy_per_second
        self._spent = 0.0
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
                granted, wait_ms, paused = self._ask(self._handful, None)
                if granted == 0:
                    return max(wait_ms, 1) / 1000, bool(paused)
                self._kept, self._kept_until = granted, now + _FRESH_SECONDS
            self._kept -= 1
            return 0, False

    def spent(self, seconds: float) -> None:
        """The target has worked so long on a request."""
        with self._lock:
            self._spent += seconds

    def ask(self, wanted: int, now_ms: int | None = None) -> tuple[int, int]:
        """(permits granted, ms to wait if none were)."""
        granted, wait_ms, _ = self._ask(wanted, now_ms)
        return granted, wait_ms

    def _ask(self, wanted: int, now_ms: int | None) -> tuple[int, int, int]:
        spent, self._spent = self._spent, 0.0
        granted, wait_ms, paused = self._permit(
            keys=[self._key],
            args=[
                clock_argument(now_ms),
                self._rate,
                self._burst,
                wanted,
                self._left,
                self._busy_rate,
                self._busy_rate * BUSY_BURST_SECONDS,
                f"{spent:.3f}",
            ],
        )
        return int(granted), int(wait_ms), int(paused)

    def pause(self, seconds: float, now_ms: int | None = None) -> None:
        """Everyone who shares this throttle waits that long from now."""
        self._pause(keys=[self._key], args=[clock_argument(now_ms), max(1, round(seconds * 1000))])
        with self._lock:
            self._kept = 0
