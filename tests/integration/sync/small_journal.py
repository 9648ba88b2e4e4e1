"""A journal in memory, whose clock a test decides: in place of the connector's."""

from typing import Any

from connectors.errors import CursorExpired, Unreachable
from connectors.journal import RETENTION_SECONDS, JournalEvent, JournalPage
from tests.integration.sync.timeline import event

HOUR_MS = 3_600_000
WEEK_MS = RETENTION_SECONDS * 1000


class SmallJournal:
    """Opens, the n-th of which is behind position n; kept for a week; a page has a thousand."""

    url = "https://journal.example/1"

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.is_down = False
        self.events: list[tuple[int, dict[str, Any]]] = []  #: each with the time at which it came

    def add(self, number: int, at_ms: int) -> None:
        self.events.append((at_ms, event(number, eventDate=at_ms)))

    def pass_time(self, ms: int) -> None:
        self.now_ms += ms

    def kept(self) -> set[str]:
        """The ids of those that are still there."""
        return {one["id"] for at_ms, one in self.events if self._is_kept(at_ms)}

    def first(self, timeout: float, *, seek_seconds: int | None = None, limit: int | None = None) -> JournalPage:
        back_ms = WEEK_MS if seek_seconds is None else seek_seconds * 1000
        return self._page(sum(at_ms < self.now_ms - back_ms for at_ms, _ in self.events))

    def read(self, link: str, timeout: float) -> JournalPage:
        number = int(link)
        if number < len(self.events) and not self._is_kept(self.events[number][0]):
            raise CursorExpired("journal", "the events at this position have expired")
        return self._page(number)

    def _is_kept(self, at_ms: int) -> bool:
        return at_ms >= self.now_ms - WEEK_MS

    def _page(self, number: int) -> JournalPage:
        if self.is_down:
            raise Unreachable("journal", "no answer")
        found = [JournalEvent(f"n{n}", one) for n, (_, one) in enumerate(self.events)][number : number + 1000]
        return JournalPage(found, str(number + len(found)), None if found else 600.0)
