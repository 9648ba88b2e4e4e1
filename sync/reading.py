"""The read step: page after page from a source onto the record queue, until there is no more or the slice is over."""

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple

import orjson
import structlog

from connectors.dynamics_pages import Page
from connectors.errors import CursorExpired, Malformed, TryAgain
from store.cursors import Cursor
from store.record_queue import Change, CursorMoved, GenerationOver, Lane, QueueFull
from store.store import WorkflowStore
from sync.patience import Patience
from sync.position import Left, Phase, Position
from sync.streams import Slice, Stream

log = structlog.get_logger()

#: The longest a page may take. Dynamics itself gives up after two minutes.
PAGE_SECONDS = 30.0

#: Change tokens that expire make everything be read again this often at most.
FULL_READ_EVERY_MS = 600_000

#: How often a reader that waits for a page looks whether its process shuts down. Seconds.
LOOK_EVERY = 0.25

#: A position that only moved in time (no change came) is stored this often at most, so that an idle table costs Redis
#: nothing. A change token lives for days.
IDLE_POSITION_MS = 60_000


class ReadEnd(StrEnum):
    CAUGHT_UP = "caught-up"  # the source has no more for now
    SLICE_OVER = "slice-over"  # more pages wait
    HELD = "held"  # another reader is at it
    FULL = "full"  # the backlog is at its high-water mark
    WAITING = "waiting"  # the source is in trouble
    STOPPED = "stopped"  # the generation is over, or the process shuts down


def read_slice(stream: Stream, store: WorkflowStore, generation: int, piece: Slice) -> ReadEnd:
    """Reads pages for one slice of time. Raises Stop where only a change of configuration helps."""
    patience = Patience(store.troubles, f"{stream.name}.read")
    with store.reading_right(stream.name) as held:
        if not held:
            return ReadEnd.HELD
        reader = Reader(stream, store, generation, piece)
        try:
            while True:
                if not patience.is_over():
                    return ReadEnd.WAITING
                try:
                    end = reader.read_page()
                except (GenerationOver, CursorMoved):
                    return ReadEnd.STOPPED
                except QueueFull:
                    patience.note("Reading pauses until the backlog falls below its high-water mark.", wait=0)
                    return ReadEnd.FULL
                except TryAgain as error:
                    patience.note(error.sentence, error.wait)
                    return ReadEnd.WAITING
                if end is ReadEnd.STOPPED:
                    return end
                patience.end()
                if end is not None:
                    return end
        finally:
            reader.close()


class Fetched(NamedTuple):
    """A page as the queue takes it."""

    page: Page
    changes: list[Change]
    behind: Position


class Reader:
    """Stores page after page; while one is being stored, the next is on its way."""

    def __init__(self, stream: Stream, store: WorkflowStore, generation: int, piece: Slice) -> None:
        self._stream = stream
        self._store = store
        self._queue = store.queue(stream.name)
        self._generation = generation
        self._piece = piece
        self._ends = time.monotonic() + piece.seconds
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="read")
        self._ahead: tuple[Position, Future[Fetched]] | None = None

    def close(self) -> None:
        # A page that is still on its way is nobody's loss: the cursor stands before it.
        self._pool.shutdown(wait=False, cancel_futures=True)

    def read_page(self) -> ReadEnd | None:
        """Reads and stores one page; None if another is to follow at once."""
        if self._queue.is_full():
            raise QueueFull(QueueFull.__doc__)
        cursor = self._store.cursor(self._stream.name)
        position = Position.load(cursor.value)
        if position.mapping != self._stream.source.mapping:
            position = position.begin_again(self._stream.source.mapping)
        try:
            fetched = self._fetched(position)
        except CursorExpired as error:
            self._begin_again(cursor, position, error)
            return None
        if fetched is None:
            return ReadEnd.STOPPED
        page, changes, behind = fetched
        caught_up = page.next_link is None and not position.reads_what_is_left and behind.left is None
        idle = caught_up and not changes and position.at_round_start
        if idle and (behind.token_ms or 0) - (position.token_ms or 0) < IDLE_POSITION_MS:
            return ReadEnd.CAUGHT_UP
        if not caught_up and time.monotonic() < self._ends:
            self._ahead = (behind, self._pool.submit(self._fetch, behind))
        lane = Lane.REPLAY if position.phase is Phase.FULL else Lane.LIVE
        stored = self._queue.put_page(self._generation, cursor.number, changes, behind.dump(), lane)
        log.info(
            "Read a page.",
            action="page_read",
            phase=position.phase.value,
            rows=len(page.rows),
            queued=stored.queued,
            replaced=stored.replaced,
            skipped=stored.skipped,
        )
        if caught_up:
            return ReadEnd.CAUGHT_UP
        return ReadEnd.SLICE_OVER if time.monotonic() > self._ends else None

    def _begin_again(self, cursor: Cursor, position: Position, expired: CursorExpired) -> None:
        """A full read, but not one after another: then something is wrong that reading everything does not mend."""
        now_ms = self._store.now_ms()
        if position.expired_ms is not None and now_ms - position.expired_ms < FULL_READ_EVERY_MS:
            raise Malformed("dynamics", "The change token expired again soon after everything had been read anew")
        log.warning("The change token has expired; everything is read again.", action="token_expired", why=str(expired))
        again = position.begin_again(position.mapping, now_ms)
        self._queue.put_page(self._generation, cursor.number, [], again.dump())

    def _fetched(self, position: Position) -> Fetched | None:
        """The page behind the position, None if the process shuts down before it is there."""
        ahead, self._ahead = self._ahead, None
        future = ahead[1] if ahead and ahead[0] == position else self._pool.submit(self._fetch, position)
        while not self._piece.stopping():
            done, _ = wait([future], timeout=LOOK_EVERY)
            if done:
                return future.result()
        return None

    def _fetch(self, position: Position) -> Fetched:
        source = self._stream.source
        if position.left is not None and position.reads_what_is_left:
            return self._fetch_left(position, position.left)
        if position.link:
            page = source.follow(position.link, PAGE_SECONDS)
        else:
            position = replace(position, expected=source.count())
            page = source.first_page(PAGE_SECONDS)
        changes, highest = _changes(page, position, source.wants_deletions())
        now_ms = self._store.now_ms()
        return Fetched(page, changes, position.after(highest, len(page.rows), page.next_link, page.delta_link, now_ms))

    def _fetch_left(self, position: Position, left: Left) -> Fetched:
        """A page of what a change of the mapping has left behind: its deletions."""
        try:
            page = self._stream.source.follow_deletions(left.link, PAGE_SECONDS)
        except CursorExpired as error:
            log.warning("The deletions before the mapping changed cannot be read.", action="left_lost", why=str(error))
            return Fetched(Page([], None, None), [], replace(position, left=None))
        gone = [Change(row.id, left.deletion_version, b"null") for row in page.rows if row.version is None]
        changes = gone if self._stream.source.wants_deletions() else []
        return Fetched(page, changes, position.after_left(page.next_link, page.delta_link))


def _changes(page: Page, position: Position, deletions: bool) -> tuple[list[Change], int]:
    """The page's rows as the queue takes them, and their largest row version."""
    deleted_version, highest = position.deletion_version, 0
    changes, dumps, row_version = [], orjson.dumps, position.row_version
    for record_id, version, values in page.rows:
        if version is None:
            if deletions:
                changes.append(Change(record_id, deleted_version, b"null"))
        else:
            if version > highest:
                highest = version
            changes.append(Change(record_id, row_version(version), dumps(values)))
    return changes, highest
