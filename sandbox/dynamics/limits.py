"""Service-protection limits: requests, execution time and concurrency per user (learn.microsoft.com, API limits)."""

import math
from collections import deque

from sandbox.clock import Clock
from sandbox.dynamics.errors import DataverseError
from sandbox.switches import Switches


class ServiceProtection:
    """One user on one web server: a sliding window of (moment, seconds of execution)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._window: deque[tuple[float, float]] = deque()
        self._executed = 0.0
        self._under_way = 0
        self._pressed = 0

    def admit(self, switches: Switches) -> None:
        """Count one request in; DataverseError 429 when a limit is reached."""
        if switches.service_protection:
            self._forget(switches.limit_window_seconds)
            self._refuse(switches)
            self._window.append((self._clock.now(), 0.0))
        self._under_way += 1

    def finish(self, seconds: float, operations: int, switches: Switches) -> None:
        """The request is over: its time counts, and `operation_seconds` more for each of its operations."""
        self._under_way -= 1
        if switches.service_protection:
            seconds += operations * switches.operation_seconds
            self._window.append((self._clock.now(), seconds))
            self._executed += seconds

    def headers(self, switches: Switches) -> list[tuple[bytes, bytes]]:
        """The debugging headers, in the vendor's own formats."""
        used = self.requests() if switches.service_protection else 0
        left = max(switches.limit_execution_seconds - self._executed, 0.0)
        return [
            (b"x-ms-dop-hint", b"4"),
            (b"x-ms-ratelimit-time-remaining-xrm-requests", f"{left:,.2f}".encode()),
            (
                b"x-ms-ratelimit-burst-remaining-xrm-requests",
                str(max(switches.limit_requests - used, 0)).encode(),
            ),
        ]

    def requests(self) -> int:
        return sum(1 for _, seconds in self._window if seconds == 0.0)

    def _forget(self, span: float) -> None:
        oldest = self._clock.now() - span
        while self._window and self._window[0][0] <= oldest:
            self._executed -= self._window.popleft()[1]

    def _refuse(self, switches: Switches) -> None:
        span = int(switches.limit_window_seconds)
        if self._under_way >= switches.limit_concurrent:
            raise _too_many(
                "0x80072326",
                f"Number of concurrent requests exceeded the limit of {switches.limit_concurrent}.",
                switches.concurrent_retry_after,
            )
        if self.requests() >= switches.limit_requests:
            text = (
                f"Number of requests exceeded the limit of {switches.limit_requests} over time window of {span} "
                "seconds."
            )
            raise _too_many("0x80072322", text, self._wait(switches))
        if self._executed >= switches.limit_execution_seconds:
            text = (
                "Combined execution time of incoming requests exceeded limit of "
                f"{switches.limit_execution_seconds * 1000:,.0f} milliseconds over time window of {span} seconds. "
                "Decrease number of concurrent requests or reduce the duration of requests and try again later."
            )
            raise _too_many("0x80072321", text, self._wait(switches))
        self._pressed = 0

    def _wait(self, switches: Switches) -> int:
        """Seconds until the oldest request leaves the window; more for a caller that keeps pressing."""
        self._pressed += 1
        left = self._window[0][0] + switches.limit_window_seconds - self._clock.now()
        return math.ceil(max(left, 1.0)) + min(self._pressed - 1, 60)


def _too_many(code: str, text: str, wait: int) -> DataverseError:
    return DataverseError(429, code, text, [(b"Retry-After", str(wait).encode())])
