"""What this process has asked of the systems since it last told: counts, never an address or a key.

Every request goes through `connectors.wire`, which notes it here; a worker tells the store after each task. A process
works for one instance, so that one place for all its connections is enough.
"""

import threading
from bisect import bisect_left
from collections import Counter

from connectors.errors import System

#: Upper edges of the buckets of durations, seconds; one more bucket is for what took longer.
EDGES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0)

#: What stands in place of a status where no answer came.
NO_ANSWER = "none"


class RequestsMade:
    """Counts by names that `store.requests` understands. Shared by all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, ...]] = Counter()

    def note(self, system: System, method: str, code: str, seconds: float) -> None:
        """One request: its status, or `NO_ANSWER`, and how long it took."""
        with self._lock:
            self._counts["answer", system, method, code] += 1
            self._counts["took", system, str(bisect_left(EDGES, seconds))] += 1
            self._counts["took-ms", system] += round(seconds * 1000)

    def note_pause(self, system: System, seconds: float) -> None:
        """An answer that asks everybody to wait."""
        with self._lock:
            self._counts["pause", system] += 1
            self._counts["pause-ms", system] += round(seconds * 1000)

    def take(self) -> dict[tuple[str, ...], int]:
        """What was noted since the last time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return dict(counts)

    def put_back(self, counts: dict[tuple[str, ...], int]) -> None:
        """What was taken and could not be told."""
        with self._lock:
            self._counts.update(counts)


MADE = RequestsMade()
