"""Patience with a system in trouble: wait longer each time, show since when and why, go on by itself."""

import random

from store.trouble import Troubles

#: Seconds before the second try; doubled from there on.
FIRST_WAIT = 1.0
#: The longest wait of our own, so that the end of an outage is noticed soon.
LONGEST_WAIT = 30.0


class Patience:
    """The trouble of one place, shared by all workers through the store."""

    def __init__(self, troubles: Troubles, where: str) -> None:
        self._troubles = troubles
        self._where = where
        self._known = troubles.get(where)

    def is_over(self) -> bool:
        """Whether it is time to try (again)."""
        return self._known is None or self._troubles.now_ms() >= self._known.until_ms

    @property
    def sentence(self) -> str:
        """What the trouble is, empty if there is none."""
        return self._known.sentence if self._known else ""

    def note(self, sentence: str, wait: float | None) -> None:
        """It failed: `wait` is what the system asked for, in seconds, or None."""
        times = self._known.times if self._known else 0
        if wait is None:
            ceiling = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(times, 10))
            wait = random.uniform(ceiling / 2, ceiling)
        now_ms = self._troubles.now_ms()
        self._known = self._troubles.note(self._where, sentence, now_ms, now_ms + int(wait * 1000))

    def end(self) -> None:
        """It worked."""
        if self._known is not None:
            self._troubles.clear(self._where)
            self._known = None
