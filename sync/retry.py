"""When a record that could not be written is tried again, and when it is set aside. One pure function decides."""

import math
from enum import Enum
from random import Random
from typing import NamedTuple

#: The back-off before the second attempt; it doubles from there. Seconds.
FIRST_WAIT = 1.0
#: The longest back-off of our own. Seconds.
LONGEST_WAIT = 300.0
#: A server that asks for a longer wait than a day is not believed. Seconds.
LONGEST_SERVER_WAIT = 86_400.0
#: So often a record is tried whose errors nobody can explain.
MOST_ATTEMPTS = 12


class Remedy(Enum):
    """What helps against an error."""

    OUTAGE = "outage"
    """Time: the system is unreachable, throttles or is unavailable. The record is not to blame."""
    UNSURE = "unsure"
    """Perhaps time: the answer was malformed, or the error is unexplained."""
    REFUSED = "refused"
    """A change of the record or the configuration: the system refused this record."""


class Later(NamedTuple):
    """Try again after this time."""

    wait_ms: int
    counts: bool
    """Whether this attempt counts towards MOST_ATTEMPTS; an outage does not."""


class DeadLetter(NamedTuple):
    """Set the record aside with this reason."""

    reason: str


def decide(remedy: Remedy, attempt: int, wait_s: float | None, rng: Random) -> Later | DeadLetter:
    """What becomes of a record after a failed attempt.

    `attempt` counts from 1 and includes the one that just failed, `wait_s` is what the server asked for (Retry-After).
    The wait is half to all of a back-off that doubles from FIRST_WAIT up to LONGEST_WAIT; the server's wish wins when
    it is longer. (Holders that die over a record are counted by `reap`.)
    """
    if remedy is Remedy.REFUSED:
        return DeadLetter("The record was refused; trying again would not change that.")
    if remedy is Remedy.UNSURE and attempt >= MOST_ATTEMPTS:
        return DeadLetter(f"{attempt} attempts failed, the last one without a clear cause.")
    backoff = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(max(attempt, 1) - 1, 30))
    wait = max(rng.uniform(backoff / 2, backoff), _believable(wait_s))
    return Later(math.ceil(wait * 1000), counts=remedy is not Remedy.OUTAGE)


def _believable(wait_s: float | None) -> float:
    return min(wait_s, LONGEST_SERVER_WAIT) if wait_s is not None and wait_s > 0 else 0.0
