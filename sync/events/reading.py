"""Reading events: new ones first; in between, and whenever there are none, those of a window that are to be read once
more."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

import structlog

from config.egress import EventOrigin
from connectors.errors import Stop, TryAgain
from store.cursors import Cursor
from store.record_queue import Change, Lane, QueueFull
from store.replays import Replay
from store.store import WorkflowStore
from sync.events.event import Event, Understanding, Verdict
from sync.events.payload import keep, mark_of
from sync.events.position import Backfill, EventPosition, Missed
from sync.mapping.mapper import Unmappable
from sync.pages import RawPage, RawRecord, RawSource
from sync.patience import Patience
from sync.reading import PAGE_SECONDS, PagesAhead
from sync.streams import ReadEnd, Reader, Slice, Stream
from sync.tables.walk import next_due_ms, paced
from sync.tracing import page as traced

log = structlog.get_logger()

#: A source that has no more is left alone for so long, whatever it says. Seconds.
LEAST_WAIT = 0.5

#: An event may reach a file so long after it has happened: exports follow Campaign's logs, which follow the events.
#: Milliseconds.
FILES_LAG_MS = 86_400_000

#: Events do not change: every one that fits has the same version. It is newer than that of one that does not: so an
#: event that was set aside, and comes corrected, takes that one's place.
VERSION = 2
MISFIT_VERSION = 1


class Wanted(NamedTuple):
    """Which page is asked for."""

    position: str
    window: Backfill | None = None  #: only events of this window travel


class Understood(NamedTuple):
    """A page as the queue takes it."""

    page: RawPage
    changes: list[Change]  #: those that travel
    filtered: int  #: how many do not appear, of those that are of interest
    newest_ms: int  #: when the newest event that fits has happened, in ms since 1970; 0 if there is none
    begun: int  #: of the page's events, the first that was looked at: those before it were handed on earlier
    handed: int  #: behind which one it ends: the last one, unless a rate holds them back


class EventStreamSource:
    """A source of events as a stream reads it."""

    def __init__(
        self, source: RawSource, origin: EventOrigin, place: str, rules: Understanding, only_new: bool = False
    ) -> None:
        """`place` stands for which journal or folder it is; `rules` are those of the origin; `only_new`: whether the
        very first reading leaves out what was there before it."""
        self.source = source
        self.origin = origin
        self.place = place
        self.rules = rules
        self.only_new = only_new

    def after(self, read_ms: int) -> str:
        """Where a reading begins whose events until `read_ms`, 0 for none, were read at another place."""
        # A folder's files are read as long as they are not known, whatever was read elsewhere.
        return self.source.beginning(read_ms if self.origin == "journal" else None)

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
        self._patience = Patience(store.troubles, f"{stream.name}.backfill")
        self._ahead_ms = 0
        self._replay: Replay | None = None  #: the last one that began
        self._pages: PagesAhead[Wanted, Understood] = PagesAhead(self._fetch, piece)

    def close(self) -> None:
        self._pages.close()

    def read_page(self) -> ReadEnd | None:
        if self._queue.is_full():
            raise QueueFull(QueueFull.__doc__)
        cursor = self._store.cursor(self._stream.name)
        stored = EventPosition.load(cursor.value)
        self._replay = self._store.replays.began(self._stream.name)
        position = self._taken_up(stored)
        if position != stored and (cursor.number or position.backfill or position.read_ms):
            # Stored before the source is asked: a replay that was taken up, and the time since which there is something
            # to read, are kept even if the source does not answer. Nothing was read, so the time at which something was
            # stays what it is.
            self._queue.put_page(self._generation, cursor.number, [], position.dump(), now_ms=cursor.at_ms)
            return None
        if position.backfill is None:
            self._patience.end()
            self._note_over(position)
        now_ms = self._store.now_ms()
        if self._is_backfills_turn(position, now_ms):
            return self._read_once_more(cursor, position)
        return ReadEnd.CAUGHT_UP if now_ms < position.due_ms else self._read_on(cursor, position, now_ms)

    def _note_over(self, position: EventPosition) -> None:
        """For the list of replays: once all of one was read, whatever follows it."""
        replay = self._replay
        if replay and replay.began_ms and (replay.over_ms, replay.ended_ms, replay.began_ms) == (
            None, None, position.replayed_ms,
        ):  # fmt: skip
            self._store.replays.over(self._stream.name, replay.began_ms)

    def _is_backfills_turn(self, position: EventPosition, now_ms: int) -> bool:
        """Also not while it is paused; and half of the queue is left to new events."""
        return (
            position.is_backfills_turn(now_ms)
            and (self._replay is None or self._replay.goes_on)
            and self._patience.is_over()
            and not self._queue.is_half_full()
        )

    def _read_on(self, cursor: Cursor, position: EventPosition, now_ms: int) -> ReadEnd | None:
        """A page of new events."""
        asked_ms, self._ahead_ms = self._ahead_ms or now_ms, 0
        understood = self._pages.page(Wanted(position.next))
        if understood is None:
            return ReadEnd.STOPPED
        page, newest_ms = understood.page, understood.newest_ms
        read_ms = 0
        if self._events.origin == "files":
            read_ms = min(newest_ms, asked_ms) - FILES_LAG_MS
        elif not page.more:
            read_ms = asked_ms
        due_ms = 0 if page.more else self._store.now_ms() + int(max(page.wait, LEAST_WAIT) * 1000)
        behind = position.after(page.behind, due_ms, read_ms, self._missed(page))
        return self._store_page(cursor, understood, behind, Lane.LIVE)

    def _read_once_more(self, cursor: Cursor, position: EventPosition) -> ReadEnd | None:
        """A page of the window. Trouble with it does not keep new events from being read."""
        assert position.backfill is not None
        try:
            understood = self._pages.page(Wanted(position.backfill.next, position.backfill))
        except (TryAgain, Stop) as error:
            sentence = (
                f"{error.sentence.rstrip('.')}; new events are read meanwhile; give the replay up with: "
                "d365acs replay cancel egress"
            )
            self._patience.failed(error, sentence)
            return None
        if understood is None:
            return ReadEnd.STOPPED
        self._patience.end()
        page = understood.page
        rate = self._replay.rate if self._replay else None
        due_ms = next_due_ms(self._store.now_ms(), len(understood.changes), rate)
        events, handed = understood.handed - understood.begun, understood.handed
        if handed < len(page.records):
            behind = position.after_portion(events, handed, mark_of(page.records[handed - 1]), due_ms)
        else:
            behind = position.after_backfill(page.behind, events, page.more, due_ms)
        return self._store_page(cursor, understood, behind, Lane.REPLAY)

    def _store_page(self, cursor: Cursor, understood: Understood, behind: EventPosition, lane: Lane) -> ReadEnd | None:
        page, changes, filtered = understood.page, understood.changes, understood.filtered
        self._look_ahead(behind)
        # When an event happened, it says itself.
        with traced(self._store, self._stream.name, None) as now_ms:
            stored = self._queue.put_page(
                self._generation, cursor.number, changes, behind.dump(), lane, now_ms, filtered
            )
            if page.records:
                log.info(
                    "Read a page of events.",
                    action="page_read",
                    phase="backfill" if lane is Lane.REPLAY else "changes",
                    rows=len(page.records),
                    filtered=filtered,
                    queued=stored.queued,
                    skipped=stored.skipped,
                )
        return ReadEnd.SLICE_OVER if time.monotonic() > self._ends else None

    def _look_ahead(self, behind: EventPosition) -> None:
        """The page that will be asked for next is on its way while this one is stored."""
        now_ms = self._store.now_ms()
        if time.monotonic() >= self._ends:
            return
        if self._is_backfills_turn(behind, now_ms):
            assert behind.backfill is not None
            self._pages.begin(Wanted(behind.backfill.next, behind.backfill))
        elif now_ms >= behind.due_ms:
            self._ahead_ms = now_ms
            self._pages.begin(Wanted(behind.next))

    def _taken_up(self, position: EventPosition) -> EventPosition:
        """The position under the stream's source and replay."""
        source, replay = self._events.source, self._replay
        anew = False
        if position.place != self._events.place:
            if not position.place and self._events.only_new:
                position = replace(position, read_ms=self._store.now_ms())
            is_first = not position.place and not position.read_ms
            next_ = source.beginning(None) if is_first else self._events.after(position.read_ms)
            position, anew = position.elsewhere(self._events.place, next_), True
        if replay is not None and position.replayed_ms != replay.began_ms:
            position, anew = position.with_replay(replay), True
        if position.backfill is None:
            return position
        if replay is not None and replay.ended_ms is not None:
            return replace(position, backfill=None)
        return position.backfilling(source.beginning(position.backfill.since_ms or 0)) if anew else position

    def _missed(self, page: RawPage) -> Missed | None:
        if not page.missed:
            return None
        log.warning("Events were missed.", action="events_missed", why=page.missed)
        return Missed(self._store.now_ms(), page.missed)

    def _fetch(self, wanted: Wanted) -> Understood:
        page = self._events.source.fetch(wanted.position, PAGE_SECONDS)
        origin, rules, window = self._events.origin, self._events.rules, wanted.window
        changes, filtered, newest_ms, now = list[Change](), 0, 0, datetime.now(UTC)
        begun = handed = _handed(page.records, window) if window else 0
        most = paced(self._replay.rate if window and self._replay else None, len(page.records))
        for event in page.records[begun:]:
            if len(changes) == most:
                break
            handed += 1
            found = _understood(event, rules, now)
            if isinstance(found, Verdict):
                # Events outside a window are not what was asked for, and counted nowhere.
                filtered += window is None or is_within(window, event, None, rules)
                continue
            if isinstance(found, Event):
                newest_ms = max(newest_ms, _ms(found.time))
            if window is None or is_within(window, event, found, rules):
                record_id, payload = keep(event, origin, rules, found)
                changes.append(Change(record_id, VERSION if found else MISFIT_VERSION, payload))
        return Understood(page, changes, filtered, newest_ms, begun, handed)


def _handed(records: list[RawRecord], window: Backfill) -> int:
    """How many of a page's first records were handed on. A page that is asked for once more may begin elsewhere: the
    oldest events expire, a time that is told in seconds before now moves, a position or a file may be gone meanwhile.
    Where the last one is not there any more, none of the page was: twice does no harm, and never would."""
    if not window.last:
        return 0
    if window.handed <= len(records) and mark_of(records[window.handed - 1]) == window.last:
        return window.handed
    # Of several that are alike the first: what follows it may not have been handed on.
    return next((number for number, one in enumerate(records, 1) if mark_of(one) == window.last), 0)


def _understood(event: RawRecord, rules: Understanding, now: datetime) -> Event | Verdict | None:
    """None for one that does not fit: its writer will say what is wrong, and set it aside."""
    if event.value is None:
        return None
    try:
        return rules.understand(event.value, now)
    except Unmappable:
        return None


def is_within(backfill: Backfill, event: RawRecord, found: Event | None, rules: Understanding) -> bool:
    """Whether it happened in the window, as far as that can be told."""
    time_ = found.time if found else rules.time_of(event.value) if event.value else None
    return time_ is None or backfill.covers(_ms(time_))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
