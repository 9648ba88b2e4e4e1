"""The reading position of events: what the stream's cursor holds."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import orjson

from store.replays import Replay

#: After so many pages of new events, one is read of those that are read once more: traffic that never ends must not
#: keep them from being read.
LIVE_PAGES = 4


@dataclass(frozen=True, slots=True)
class Backfill:
    """Events of a window of time that are read once more, beside the new ones."""

    next: str  #: the source's position
    since_ms: int | None
    until_ms: int | None
    events: int = 0  #: read so far
    waited: int = 0  #: pages of new events since its own last page
    due_ms: int = 0  #: when its next page may be asked for
    handed: int = 0  #: of the page behind `next`, how many were handed on, from its beginning; more with a rate alone
    last: str = ""  #: stands for the last of them, see `payload.mark_of`; empty: none was

    def covers(self, at_ms: float) -> bool:
        return (self.since_ms is None or at_ms >= self.since_ms) and (self.until_ms is None or at_ms < self.until_ms)


@dataclass(frozen=True, slots=True)
class Missed:
    """Events that were lost to the reader."""

    at_ms: int
    sentence: str


@dataclass(frozen=True, slots=True)
class EventPosition:
    place: str = ""  #: stands for the journal or folder that is read; another one has positions of its own
    next: str = ""  #: the source's position
    due_ms: int = 0  #: when there may be more
    read_ms: int = 0  #: events until then were read, ms since 1970; 0: not known
    replayed_ms: int = 0  #: the beginning of the last replay that was taken up
    backfill: Backfill | None = None
    missed: Missed | None = None

    def dump(self) -> str:
        return orjson.dumps(self).decode()

    @classmethod
    def load(cls, text: str) -> "EventPosition":
        """The position of a cursor's text; the beginning for an empty one."""
        if not text:
            return cls()
        fields = orjson.loads(text)
        backfill, missed = fields["backfill"], fields["missed"]
        fields["backfill"] = Backfill(**backfill) if backfill else None
        fields["missed"] = Missed(**missed) if missed else None
        return cls(**fields)

    def is_backfills_turn(self, now_ms: int) -> bool:
        """Whether the next page is one of those that are read once more: new ones go first, but not for ever."""
        backfill = self.backfill
        if backfill is None or now_ms < backfill.due_ms:
            return False
        return now_ms < self.due_ms or backfill.waited >= LIVE_PAGES

    def elsewhere(self, place: str, next_: str) -> "EventPosition":
        """The position once another place is read, from the position `next_` of its source on."""
        return replace(self, place=place, next=next_, due_ms=0)

    def with_replay(self, replay: Replay) -> "EventPosition":
        """The position once a replay was taken up. One that is under way is taken into it: the window covers both."""
        since_ms, until_ms = replay.since_ms, replay.until_ms
        if self.backfill is not None and not replay.anew:
            since_ms = _widest(min, since_ms, self.backfill.since_ms)
            until_ms = _widest(max, until_ms, self.backfill.until_ms)
        return replace(self, replayed_ms=replay.began_ms or 0, backfill=Backfill("", since_ms, until_ms))

    def backfilling(self, next_: str) -> "EventPosition":
        """The position once its window is read from the position `next_` of the source on."""
        assert self.backfill is not None
        return replace(self, backfill=Backfill(next_, self.backfill.since_ms, self.backfill.until_ms))

    def after(self, behind: str, due_ms: int, read_ms: int, missed: Missed | None) -> "EventPosition":
        """The position behind a page of new events."""
        backfill = self.backfill and replace(self.backfill, waited=self.backfill.waited + 1)
        read_ms = max(read_ms, self.read_ms)
        return replace(
            self, next=behind, due_ms=due_ms, read_ms=read_ms, backfill=backfill, missed=missed or self.missed
        )

    def after_backfill(self, behind: str, events: int, more: bool, due_ms: int = 0) -> "EventPosition":
        """The position behind a page that is read once more; the next one may be asked for at `due_ms`."""
        assert self.backfill is not None
        if not more:
            return replace(self, backfill=None)
        events += self.backfill.events
        backfill = replace(self.backfill, next=behind, events=events, waited=0, due_ms=due_ms, handed=0, last="")
        return replace(self, backfill=backfill)

    def after_portion(self, events: int, handed: int, last: str, due_ms: int) -> "EventPosition":
        """The position behind the first `handed` events of a page, `events` of which were handed on just now. The page
        is asked for once more; by then it may begin elsewhere, so `last` stands for the last one of them."""
        assert self.backfill is not None
        events += self.backfill.events
        backfill = replace(self.backfill, events=events, waited=0, due_ms=due_ms, handed=handed, last=last)
        return replace(self, backfill=backfill)


def _widest(of: Callable[[int, int], int], one: int | None, other: int | None) -> int | None:
    """None is without end."""
    return None if one is None or other is None else of(one, other)
