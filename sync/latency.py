"""Whether a system's answers take longer than they could: the first sign that it is asked too much at once.

Requests of one kind are compared with each other alone. What they can take at best is what they took on average in the
best of the last intervals; twice that, and something waits in a queue before the system (as TCP Vegas sees it).
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

#: So much longer than at best, and so many seconds on top of it, count as rising.
RISING, SLACK_SECONDS = 2.0, 0.05
#: The fewest answers of an interval that say anything.
FEWEST = 5
#: After so many seconds the best is forgotten: a system that has become slower for good is not asked less for ever.
BEST_SECONDS = 60.0
#: The most kinds of requests that are told apart.
MOST_KINDS = 64


@dataclass(slots=True)
class _Kind:
    took: float = 0.0  #: seconds, in this interval
    many: int = 0
    best: float | None = None
    best_at: float = 0.0


class Latency:
    """Of one system, in one process. Not to be shared by threads without a lock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kinds: OrderedDict[Hashable, _Kind] = OrderedDict()

    def note(self, kind: Hashable, seconds: float) -> None:
        """An answer to a request of this kind."""
        found = self._kinds.get(kind)
        if found is None:
            found = self._kinds[kind] = _Kind()
            if len(self._kinds) > MOST_KINDS:
                self._kinds.popitem(last=False)
        found.took += seconds
        found.many += 1

    def end_interval(self) -> bool:
        """Whether any kind of answers has become slow since the last time."""
        now, rising = self._clock(), False
        for kind in self._kinds.values():
            if kind.many >= FEWEST:
                mean = kind.took / kind.many
                if kind.best is None or mean <= kind.best or now - kind.best_at > BEST_SECONDS:
                    kind.best, kind.best_at = mean, now
                rising = rising or mean > RISING * kind.best + SLACK_SECONDS
                kind.took, kind.many = 0.0, 0
        return rising
