"""The reading position of events: what the stream's cursor holds."""

from dataclasses import dataclass, replace

import orjson

from store.replays import Replay


@dataclass(frozen=True, slots=True)
class Backfill:
    """Events of a window of time that are read once more, beside the new ones."""

    next: str  #: the source's position
    since_ms: int | None
    until_ms: int | None
    events: int = 0  #: read so far

    def covers(self, at_ms: float) -> bool:
        return (self.since_ms is None or at_ms >= self.since_ms) and (self.until_ms is None or at_ms < self.until_ms)


@dataclass(frozen=True, slots=True)
class Missed:
    """Events that were lost to the reader."""

    at_ms: int
    sentence: str


@dataclass(frozen=True, slots=True)
class EventPosition:
    place: str = ""  #: stands for the journal or folder that is read; another one is read from its own beginning
    next: str = ""  #: the source's position
    due_ms: int = 0  #: when there may be more
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

    def with_replay(self, replay: Replay, next_: str) -> "EventPosition":
        """The position once a replay was taken up, which begins at the source's position `next_`."""
        backfill = Backfill(next_, replay.since_ms, replay.until_ms)
        return replace(self, replayed_ms=replay.began_ms or 0, backfill=backfill)

    def after(self, behind: str, due_ms: int, missed: Missed | None) -> "EventPosition":
        """The position behind a page of new events."""
        return replace(self, next=behind, due_ms=due_ms, missed=missed or self.missed)

    def after_backfill(self, behind: str, events: int, more: bool) -> "EventPosition":
        """The position behind a page that is read once more."""
        assert self.backfill is not None
        if not more:
            return replace(self, backfill=None)
        return replace(self, backfill=replace(self.backfill, next=behind, events=self.backfill.events + events))
