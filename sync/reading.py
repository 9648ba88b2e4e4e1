"""The read step: page after page from a source onto the record queue, until there is no more or the slice is over."""

import time
from dataclasses import replace
from enum import StrEnum

import orjson
import structlog

from connectors.dynamics_pages import Page
from connectors.errors import CursorExpired, TryAgain
from store.record_queue import Change, CursorMoved, GenerationOver, Lane, QueueFull
from store.store import WorkflowStore
from sync.patience import Patience
from sync.position import Phase, Position
from sync.streams import Slice, Stream

log = structlog.get_logger()

#: The longest a page may take. Dynamics itself gives up after two minutes.
PAGE_SECONDS = 60.0

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
        ends = time.monotonic() + piece.seconds
        while True:
            if piece.stopping():
                return ReadEnd.STOPPED
            if not patience.is_over():
                return ReadEnd.WAITING
            try:
                caught_up = _read_page(stream, store, generation)
            except (GenerationOver, CursorMoved):
                return ReadEnd.STOPPED
            except QueueFull:
                patience.note("Reading pauses until the backlog falls below its high-water mark.", wait=0)
                return ReadEnd.FULL
            except TryAgain as error:
                patience.note(error.sentence, error.wait)
                return ReadEnd.WAITING
            patience.end()
            if caught_up:
                return ReadEnd.CAUGHT_UP
            if time.monotonic() > ends:
                return ReadEnd.SLICE_OVER


def _read_page(stream: Stream, store: WorkflowStore, generation: int) -> bool:
    """Reads and stores one page; True if the source has no more for now."""
    cursor = store.cursor(stream.name)
    position = Position.load(cursor.value)
    queue = store.queue(stream.name)
    try:
        if position.link:
            page = stream.source.follow(position.link, PAGE_SECONDS)
        else:
            position = replace(position, expected=stream.source.count())
            page = stream.source.first_page(PAGE_SECONDS)
    except CursorExpired as error:
        log.warning("The change token has expired; everything is read again.", action="token_expired", why=str(error))
        again = Position(highest=position.highest, settled=position.settled)
        queue.put_page(generation, cursor.number, [], again.dump())
        return False

    now_ms = int(time.time() * 1000)
    changes, highest = _changes(page, position, stream.source.wants_deletions())
    behind = position.after(highest, len(page.rows), page.next_link, page.delta_link, now_ms)
    idle = not changes and position.at_round_start and not page.next_link
    if idle and now_ms - (position.token_ms or 0) < IDLE_POSITION_MS:
        return True
    lane = Lane.REPLAY if position.phase is Phase.FULL else Lane.LIVE
    stored = queue.put_page(generation, cursor.number, changes, behind.dump(), lane)
    log.info(
        "Read a page.",
        action="page_read",
        phase=position.phase.value,
        rows=len(page.rows),
        queued=stored.queued,
        replaced=stored.replaced,
        skipped=stored.skipped,
    )
    return page.next_link is None


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
