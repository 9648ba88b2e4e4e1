"""The clock for what must not outlive a lease. On Linux and macOS time.monotonic() stands still while the machine is
suspended, and Redis' clock goes on.
"""

import time

#: Where there is no such clock, CLOCK_MONOTONIC goes on by itself (macOS), or nothing better is to be had.
_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def uptime() -> float:
    """Seconds since the machine was started, suspended or not."""
    return time.clock_gettime(_CLOCK)
