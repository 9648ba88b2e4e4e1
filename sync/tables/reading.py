"""Reading a table of Dynamics: first all of it, then changes; with what that leaves behind, deletions above all.

Beside the changes a walk may be under way, for a replay. Changes go first: between two pages of the walk they are asked
for once a second, and no more of the walk is read than half of the queue can hold.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import structlog

from connectors.dynamics_pages import Page
from connectors.errors import CursorExpired, Malformed, SchemaRefused
from store.cursors import Cursor
from store.record_queue import Change, Lane, QueueFull
from store.replays import Replay
from store.store import WorkflowStore
from sync.reading import PAGE_SECONDS, PagesAhead
from sync.streams import DELETED, FILTERED_OUT, ReadEnd, Slice, Stream, leaving
from sync.tables.comparing import compare_keys, kept_aside
from sync.tables.going import concerned
from sync.tables.position import Left, Phase, Position
from sync.tables.table import Table
from sync.tables.walk import LIVE_EVERY
from sync.tables.walking import Walker
from sync.tracing import page as traced

log = structlog.get_logger()

#: Change tokens that expire make everything be read again this often at most.
FULL_READ_EVERY_MS = 600_000

#: A position that only moved in time (no change came) is stored this often at most, so that an idle table costs Redis
#: nothing. A change token lives for days.
IDLE_POSITION_MS = 60_000


class Fetched(NamedTuple):
    """A page as the queue takes it."""

    page: Page
    changes: list[Change]  #: what travels
    going: list[Change]  #: what is deleted or does not travel: of interest only where the record is known
    behind: Position


class TableReader:
    """Stores page after page of a table."""

    def __init__(self, table: Table, stream: Stream, store: WorkflowStore, generation: int, piece: Slice) -> None:
        self._table = table
        self._stream = stream
        self._store = store
        self._queue = store.queue(stream.name)
        self._generation = generation
        self._piece = piece
        self._ends = time.monotonic() + piece.seconds
        self._pages: PagesAhead[Position, Fetched] = PagesAhead(self._fetch, piece)
        self._walker = Walker(table, stream.name, store, piece)
        self._walks_until = 0.0  # by the monotonic clock: then changes are to be asked for again

    def close(self) -> None:
        self._pages.close()
        self._walker.close()

    def read_page(self) -> ReadEnd | None:
        """Reads and stores one page; None if another is to follow at once."""
        cursor = self._store.cursor(self._stream.name)
        position = Position.load(cursor.value)
        if position.pair not in ("", self._table.pair):
            # However full the queue is: writers wait for this.
            self._begin_elsewhere(cursor, position)
            return None
        if self._queue.is_full():
            raise QueueFull(QueueFull.__doc__)
        replay = self._store.replays.began(self._stream.name)
        position = self._taken_up(position, replay)
        self._note_over(position, replay)
        aside = kept_aside(self._queue, position)
        if self._may_compare(position):
            self._compare(cursor, position, aside)
            return ReadEnd.SLICE_OVER if time.monotonic() > self._ends else None
        walk_is_due = self._walker.is_due(position, replay, self._queue)
        if walk_is_due and time.monotonic() < self._walks_until:
            return self._walk_on(cursor, position)
        end = self._read_on(cursor, position)
        if end is ReadEnd.CAUGHT_UP and walk_is_due:
            # At least one page of the walk in every slice: changes that never end must not keep it from its end.
            self._walks_until = time.monotonic() + LIVE_EVERY
            return None
        return end

    def _walk_on(self, cursor: Cursor, position: Position) -> ReadEnd | None:
        """A page of the walk."""
        page = self._walker.page(position)
        if page is None:
            return ReadEnd.STOPPED if self._piece.stopping() else None
        rows, changes, going, behind = page
        concerned = self._concerned(going)
        filtered = len(going) - len(concerned)
        # Before they are there: whatever overtakes one of them is written in its place.
        self._store.repeats(self._stream.name).add([change.id for change in changes])
        with traced(self._store, self._stream.name, None) as now_ms:
            stored = self._queue.put_page(
                self._generation,
                cursor.number,
                changes + self._stamped(concerned),
                behind.dump(),
                Lane.REPLAY,
                now_ms,
                filtered,
            )
            log.info(
                "Read a page once more.",
                action="page_read",
                phase="walk",
                rows=rows,
                filtered=filtered,
                queued=stored.queued,
                replaced=stored.replaced,
                skipped=stored.skipped,
            )
        self._walker.stored(position, behind)
        now = time.monotonic()
        if now > self._ends:
            return ReadEnd.SLICE_OVER
        if (
            now < self._walks_until
            and behind.walk is not None
            and not (behind.walk.is_over or behind.walk.due_ms > now_ms)
        ):
            self._walker.ahead(behind)
        return None

    def _read_on(self, cursor: Cursor, position: Position) -> ReadEnd | None:
        """A page of the full read, or of changes."""
        try:
            fetched = self._pages.page(position)
        except CursorExpired as error:
            self._begin_again(cursor, position, error)
            return None
        if fetched is None:
            return ReadEnd.STOPPED
        page, changes, going, behind = fetched
        caught_up = page.next_link is None and not position.reads_what_is_left and behind.left is None
        idle = caught_up and not changes and not going and position.at_round_start
        if idle and (behind.token_ms or 0) - (position.token_ms or 0) < IDLE_POSITION_MS:
            self._note_caught_up(position, behind)
            return ReadEnd.CAUGHT_UP
        if not caught_up and time.monotonic() < self._ends:
            self._pages.begin(behind)
        lane = Lane.REPLAY if position.phase is Phase.FULL else Lane.LIVE
        # Looked at now, not when the page came: until now the page before may have been on its way to the queue.
        concerned = self._concerned(going)
        # Those that go onto the queue are counted there.
        filtered = _filtered(going) - _filtered(concerned)
        if position.repeats:
            self._store.repeats(self._stream.name).add([change.id for change in changes])
        with traced(self._store, self._stream.name, _since_ms(position)) as now_ms:
            stored = self._queue.put_page(
                self._generation,
                cursor.number,
                changes + self._stamped(concerned),
                behind.dump(),
                lane,
                now_ms,
                filtered,
            )
            log.info(
                "Read a page.",
                action="page_read",
                phase=position.phase.value,
                rows=len(page.rows),
                filtered=filtered,
                queued=stored.queued,
                replaced=stored.replaced,
                skipped=stored.skipped,
            )
        if caught_up:
            self._note_caught_up(position, behind)
            return None if self._may_compare(behind) else ReadEnd.CAUGHT_UP
        return ReadEnd.SLICE_OVER if time.monotonic() > self._ends else None

    def _taken_up(self, position: Position, replay: Replay | None) -> Position:
        """The position under the stream's mapping and replay: the beginning, if another mapping is to be read."""
        if position.mapping != self._table.mapping:
            position = self._begun_again(position)
        if replay is None or replay.began_ms is None:
            return position
        if position.replayed_ms != replay.began_ms:
            self._walker.forget(position)
            token = replay.ids.token if replay.ids else ""
            position = position.with_replay(replay.began_ms, replay.only.is_whole, self._store.now_ms(), token)
        return position if replay.ended_ms is None else position.without_replay()

    def _begun_again(self, position: Position) -> Position:
        return position.begin_again(self._table.mapping, self._table.pair, self._store.now_ms())

    def _begin_elsewhere(self, cursor: Cursor, position: Position) -> None:
        """Nothing is known of another target; what was written to the one before is not there."""
        self._queue.ledger.forget(self._generation, cursor.number)
        self._queue.put_page(self._generation, cursor.number, [], self._begun_again(position).dump())

    def _note_over(self, position: Position, replay: Replay | None) -> None:
        """For the list of replays: once all of one was read, whatever follows it."""
        if replay is None or replay.began_ms is None or replay.over_ms is not None or replay.ended_ms is not None:
            return
        walk = position.walk
        if position.replayed_ms == replay.began_ms and not position.repeats and (walk is None or walk.is_over):
            read, queued = (walk.rows, walk.queued) if walk else (None, None)
            self._store.replays.over(self._stream.name, replay.began_ms, read, queued)

    def _concerned(self, going: Sequence[Change]) -> list[Change]:
        """Those changes that have something to end: the record waits, was refused, or may be in the target."""
        return concerned(self._queue, going, self._table.deletes_filtered_out)

    def _stamped(self, going: list[Change]) -> list[Change]:
        """What goes, with the time at which that was read, since it may have to wait for children."""
        if not going:
            return going
        now_ms, mapping = self._store.now_ms(), self._table.mapping
        return [change._replace(payload=leaving(change.payload, now_ms, mapping)) for change in going]

    def _note_caught_up(self, position: Position, behind: Position) -> None:
        """For relatives that wait until everything older has been read here.

        Only a round of one page tells everything: what changes once more between two pages is told by the next round.
        """
        if self._stream.parents and position.at_round_start and behind.token_ms is not None:
            self._store.note_caught_up(self._stream.name, behind.token_ms)

    def _begin_again(self, cursor: Cursor, position: Position, expired: CursorExpired) -> None:
        """A full read, but not one after another: then something is wrong that reading everything does not mend."""
        behind = after_expiry(position, self._store.now_ms())
        log.warning("The change token has expired; everything is read again.", action="token_expired", why=str(expired))
        self._queue.put_page(self._generation, cursor.number, [], behind.dump())

    def _may_compare(self, position: Position) -> bool:
        """Whether keys are to be compared, and all that was read before the full read has reached the ledger."""
        if position.comparison is None or not position.compares_keys:
            return False
        oldest_ms = self._queue.backlog().oldest_ms
        return oldest_ms is None or oldest_ms >= position.comparison.since_ms

    def _compare(self, cursor: Cursor, position: Position, aside: set[str]) -> None:
        """One step of the comparison of keys: deletions that no change token tells any more."""
        changes, behind = compare_keys(self._table, self._queue, position, aside, PAGE_SECONDS, self._is_over)
        behind = behind.after_recovery(self._store.now_ms())
        with traced(self._store, self._stream.name, None) as now_ms:
            stamped = self._stamped(changes)
            self._queue.put_page(self._generation, cursor.number, stamped, behind.dump(), now_ms=now_ms)
        if behind.comparison is None and position.comparison is not None:
            found = position.comparison.found + len(changes)
            log.info("Compared all keys with Dynamics.", action="keys_compared", deletions_recovered=found)

    def _is_over(self) -> bool:
        return self._piece.stopping() or time.monotonic() > self._ends

    def _fetch(self, position: Position) -> Fetched:
        table = self._table
        if position.left is not None and position.reads_what_is_left:
            return self._fetch_left(position, position.left)
        asked_ms = self._store.now_ms()
        if position.link:
            page = table.follow(position.link, PAGE_SECONDS)
        else:
            position = replace(position, expected=table.count())
            page = table.first_page(PAGE_SECONDS)
        changes, going, highest = _changes(page, position, table)
        behind = position.after(highest, len(page.rows), page.next_link, page.delta_link, asked_ms)
        return Fetched(page, changes, going, behind)

    def _fetch_left(self, position: Position, left: Left) -> Fetched:
        """A page of what another mapping or a replay has left behind: its deletions."""
        try:
            page = self._table.follow_deletions(left.link, PAGE_SECONDS)
        except (CursorExpired, SchemaRefused) as error:  # the link may name a column that is gone
            log.warning("The deletions since the reading before cannot be read.", action="left_lost", why=str(error))
            return Fetched(Page([], None, None), [], [], position.without_left())
        gone = [Change(row.id, left.deletion_version, DELETED) for row in page.rows if row.version is None]
        going = gone if self._table.wants_deletions else []
        behind = position.after_left(page.next_link, page.delta_link).after_recovery(self._store.now_ms())
        return Fetched(page, [], going, behind)


def _since_ms(position: Position) -> int | None:
    """Everything that the page behind this position brings has happened later: until then, all was told by earlier
    ones. A full read tells nothing of that, nor do the deletions that another reading has left."""
    if position.phase is not Phase.CHANGES or position.reads_what_is_left:
        return None
    return position.token_ms


def after_expiry(position: Position, now_ms: int) -> Position:
    """Where reading goes on without its change token. Raises Malformed if one has expired not long ago."""
    if position.expired_ms is not None and now_ms - position.expired_ms < FULL_READ_EVERY_MS:
        raise Malformed("dynamics", "The change token expired again soon after everything had been read anew")
    return position.begin_after_expiry(now_ms)


def _filtered(changes: Sequence[Change]) -> int:
    return sum(change.payload is FILTERED_OUT for change in changes)


def _changes(page: Page, position: Position, table: Table) -> tuple[list[Change], list[Change], int]:
    """The page's rows as the queue takes them: those that travel, those that leave, and their largest row version."""
    deletions, deleted_version, highest = table.wants_deletions, position.deletion_version, 0
    changes: list[Change] = []
    going: list[Change] = []
    payload, row_version = table.payload, position.row_version
    for row in page.rows:
        version = row.version
        if version is None:
            if deletions:
                going.append(Change(row.id, deleted_version, DELETED))
            continue
        if version > highest:
            highest = version
        packed = payload(row)
        (going if packed is FILTERED_OUT else changes).append(Change(row.id, row_version(version), packed))
    return changes, going, highest
