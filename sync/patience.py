"""Patience with a system in trouble: wait longer each time, show since when and why, go on by itself."""

import random

from connectors.errors import ConnectorError, TryAgain
from store.trouble import Trouble, Troubles

#: Seconds before the second try; doubled from there on.
FIRST_WAIT = 1.0
#: The longest wait of our own, so that the end of an outage is noticed soon.
LONGEST_WAIT = 30.0


def asked_for(error: Exception) -> float | None:
    """Seconds that the system wants to be left alone; None if it did not say. "Now" says nothing: some answer so for as
    long as they are in trouble."""
    return (error.wait if isinstance(error, TryAgain) else None) or None


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
    def trouble(self) -> Trouble | None:
        """As it was noted last; None if there is none."""
        return self._known

    @property
    def sentence(self) -> str:
        """What the trouble is, empty if there is none."""
        return self._known.sentence if self._known else ""

    def failed(self, error: ConnectorError, sentence: str = "") -> None:
        """A system has failed. `sentence`: to be shown in place of the error's own."""
        self.note(sentence or error.sentence, asked_for(error))

    def note(self, sentence: str, wait: float | None) -> None:
        """It failed: `wait` is for how many seconds nothing is tried; 0: it is only shown, None: ever longer."""
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
