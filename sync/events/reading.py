"""Reading events: new ones first; those of a window that are to be read once more whenever there are no new ones."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from config.egress import EventOrigin
from store.record_queue import Change, Lane, QueueFull
from store.replays import Replay
from store.store import WorkflowStore
from sync.events.event import Understanding, Verdict
from sync.events.pages import EventPage, EventSource, RawEvent
from sync.events.payload import keep
from sync.events.position import Backfill, EventPosition, Missed
from sync.mapping.mapper import Unmappable
from sync.reading import PAGE_SECONDS, PagesAhead
from sync.streams import ReadEnd, Reader, Slice, Stream

log = structlog.get_logger()

#: A source that has no more is left alone for so long, whatever it says. Seconds.
LEAST_WAIT = 0.5

#: Events do not change: every one has the same version.
VERSION = 1


class EventStreamSource:
    """A source of events as a stream reads it."""

    def __init__(
        self, source: EventSource, origin: EventOrigin, place: str, rules: Understanding, replay: Replay | None
    ) -> None:
        """`place` stands for which journal or folder it is; `rules` are those of the origin; `replay` is the last one
        that began."""
        self.source = source
        self.origin = origin
        self.place = place
        self.rules = rules
        self.replay = replay

    def reader(self, stream: Stream, store: WorkflowStore, generation: int, piece: Slice) -> Reader:
        return EventReader(self, stream, store, generation, piece)

    def may_write(self, cursor: str) -> bool:
        return True


class EventReader:
    """Stores page after page of events."""

    def __init__(
        self, events: EventStreamSource, stream: Stream, store: WorkflowStore, generation: int, piece: Slice
    ) -> None:
        self._events = events
        self._stream = stream
        self._store = store
        self._queue = store.queue(stream.name)
        self._generation = generation
        self._ends = time.monotonic() + piece.seconds
        self._pages: PagesAhead[str, EventPage] = PagesAhead(
            lambda position: events.source.fetch(position, PAGE_SECONDS), piece
        )

    def close(self) -> None:
        self._pages.close()

    def read_page(self) -> ReadEnd | None:
        if self._queue.is_full():
            raise QueueFull(QueueFull.__doc__)
        cursor = self._store.cursor(self._stream.name)
        position = self._taken_up(EventPosition.load(cursor.value))
        now_ms = self._store.now_ms()
        backfill = position.backfill if now_ms < position.due_ms else None
        if now_ms < position.due_ms and backfill is None:
            return ReadEnd.CAUGHT_UP
        page = self._pages.page(backfill.next if backfill else position.next)
        if page is None:
            return ReadEnd.STOPPED
        if backfill:
            behind = position.after_backfill(page.behind, len(page.events), page.more)
        else:
            due_ms = 0 if page.more else self._store.now_ms() + int(max(page.wait, LEAST_WAIT) * 1000)
            behind = position.after(page.behind, due_ms, self._missed(page))
        if page.more and time.monotonic() < self._ends:
            self._pages.begin(page.behind)
        changes, filtered = self._changes(page.events, backfill)
        lane = Lane.REPLAY if backfill else Lane.LIVE
        stored = self._queue.put_page(self._generation, cursor.number, changes, behind.dump(), lane, filtered=filtered)
        if page.events:
            log.info(
                "Read a page of events.",
                action="page_read",
                phase="backfill" if backfill else "changes",
                rows=len(page.events),
                filtered=filtered,
                queued=stored.queued,
                skipped=stored.skipped,
            )
        return ReadEnd.SLICE_OVER if time.monotonic() > self._ends else None

    def _taken_up(self, position: EventPosition) -> EventPosition:
        """The position under the stream's source and replay."""
        source, replay = self._events.source, self._events.replay
        if position.place != self._events.place:
            position = EventPosition(
                self._events.place, source.beginning(None), replayed_ms=position.replayed_ms, missed=position.missed
            )
        if replay is not None and position.replayed_ms != replay.began_ms:
            position = position.with_replay(replay, source.beginning(replay.since_ms or 0))
        return position

    def _missed(self, page: EventPage) -> Missed | None:
        if not page.missed:
            return None
        log.warning("Events were missed.", action="events_missed", why=page.missed)
        return Missed(self._store.now_ms(), page.missed)

    def _changes(self, events: Sequence[RawEvent], backfill: Backfill | None) -> tuple[list[Change], int]:
        """Those that travel as the queue takes them, and how many do not."""
        origin, rules = self._events.origin, self._events.rules
        changes, now = [], datetime.now(UTC)
        for event in events:
            if self._travels(event, backfill, now):
                record_id, payload = keep(event, origin, rules)
                changes.append(Change(record_id, VERSION, payload))
        return changes, len(events) - len(changes)

    def _travels(self, event: RawEvent, backfill: Backfill | None, now: datetime) -> bool:
        if event.value is None:
            return True
        try:
            found = self._events.rules.understand(event.value, now)
        except Unmappable:
            return True  # its writer will say what is wrong, and set it aside
        if isinstance(found, Verdict):
            return False
        return backfill is None or backfill.covers(found.time.timestamp() * 1000)
