"""The pages of a walk: records of a table read once more, beside its changes.

A page may only be stored behind the very position for which it was asked: had changes been stored meanwhile, one of
them could have told the deletion of a record that the page still has, and of which nobody knew anything yet.

With a rate, a page may bring more than may go onto the queue at once: a page is as large as ever where conditions let
few of its records through. The ids of the rest stay in the position, and are asked for anew when their turn comes.
"""

from typing import NamedTuple

import structlog

from connectors.dynamics_pages import Row
from connectors.errors import ConnectorError, CursorExpired, Malformed
from store.record_queue import Change, RecordQueue
from store.replay_ids import PART
from store.replays import Replay
from store.store import WorkflowStore
from sync.mapping.forms import Unfit
from sync.patience import Patience, asked_for
from sync.reading import PAGE_SECONDS, PagesAhead
from sync.streams import FILTERED_OUT, Slice
from sync.tables.fetched import fetched
from sync.tables.position import Position
from sync.tables.table import Table
from sync.tables.walk import LATE_MS, Walk, next_due_ms, paced, unpacked

log = structlog.get_logger()

#: Parts of ids that one page holds at most.
PARTS = 10
#: A walk whose link is served no more begins anew so often at most; else something is wrong that this does not mend.
RESTART_EVERY_MS = 600_000


class WalkPage(NamedTuple):
    """A page as the queue takes it."""

    rows: int  #: records that were looked at
    changes: list[Change]  #: what travels
    going: list[Change]  #: what does not travel, of interest only where the record is known
    behind: Position


class Walker:
    """Fetches the pages of a stream's walk, for one reader."""

    def __init__(self, table: Table, stream: str, store: WorkflowStore, piece: Slice) -> None:
        self._table = table
        self._stream = stream
        self._store = store
        self._replay: Replay | None = None
        self._patience = Patience(store.troubles, f"{stream}.backfill")
        self._pages: PagesAhead[Position, WalkPage] = PagesAhead(self._fetch, piece)

    def close(self) -> None:
        self._pages.close()

    def is_due(self, position: Position, replay: Replay | None, queue: RecordQueue) -> bool:
        """Whether its next page may be asked for and stored. It leaves half of the queue to changes."""
        self._replay = replay
        walk = position.walk
        if walk is None or walk.is_over:
            self.forget(position)
            self._patience.end()
            return False
        return (
            position.lets_walk
            and replay is not None
            and replay.goes_on
            and self._patience.is_over()
            and self._store.now_ms() >= walk.due_ms
            and not queue.is_half_full()
        )

    def ahead(self, position: Position) -> None:
        """The page behind this position is asked for meanwhile."""
        self._pages.begin(position)

    def page(self, position: Position) -> WalkPage | None:
        """The page behind this position; None if the process shuts down, or there is none for now: trouble with a walk
        keeps nobody from reading changes."""
        try:
            page = self._pages.page(position)
        except CursorExpired as error:
            return self._anew(position, error)
        except (ConnectorError, Unfit) as error:
            self._note(
                error.sentence if isinstance(error, ConnectorError) else f"A condition does not fit: {error}", error
            )
            return None
        if page is not None:
            self._patience.end()
        return page

    def _note(self, sentence: str, error: Exception) -> None:
        self._patience.note(
            f"{sentence.rstrip('.')}; changes are read meanwhile; give the replay up with: "
            f"d365acs replay cancel {self._stream}",
            asked_for(error),
        )

    def _anew(self, position: Position, expired: CursorExpired) -> WalkPage | None:
        """The walk from its beginning, but not one beginning after another."""
        walk, now_ms = position.walk, self._store.now_ms()
        assert walk is not None
        if now_ms - walk.restarted_ms < RESTART_EVERY_MS:
            error = Malformed(
                "dynamics", "The reading position of the replay was lost again soon after it had begun anew"
            )
            self._note(error.sentence, error)
            return None
        log.warning("A replay is read from its beginning.", action="walk_again", why=str(expired))
        return WalkPage(0, [], [], position.after_walk(walk.anew(now_ms)))

    def _fetch(self, position: Position) -> WalkPage:
        walk, replay = position.walk, self._replay
        assert walk is not None and replay is not None
        test = self._table.test_of(replay.where)
        if replay.ids is not None:
            return self._fetch_ids(position, walk, replay)
        if walk.rest:
            return self._fetch_rest(position, walk, replay)
        most = paced(replay.rate, self._table.page_size)
        size = self._table.page_size if replay.where else most
        expected = None
        if not walk.link and (replay.since_ms, replay.until_ms) == (None, None):
            expected = self._table.count()
        page = self._table.scan(replay.only, walk.link, size, PAGE_SECONDS)
        rows = [row for row in page.rows if test(row)]
        changes, going = self._changes(position, rows[:most])
        due_ms, rest = self._due_ms(walk, changes, replay), [row.id for row in rows[most:]]
        after = walk.after(len(page.rows), len(changes), page.next_link or "", due_ms, expected, rest)
        return WalkPage(len(page.rows), changes, going, position.after_walk(after))

    def _fetch_rest(self, position: Position, walk: Walk, replay: Replay) -> WalkPage:
        """Some more of a page: of what has changed since, reading tells."""
        ids, most = unpacked(walk.rest), paced(replay.rate, self._table.page_size)
        rows = self._table.picked(ids[:most], PAGE_SECONDS)
        changes, going = self._changes(position, rows)
        after = walk.after_rest(len(changes), self._due_ms(walk, changes, replay), ids[most:])
        return WalkPage(0, changes, going, position.after_walk(after))

    def _fetch_ids(self, position: Position, walk: Walk, replay: Replay) -> WalkPage:
        """Some of the ids that were named."""
        most, parts = paced(replay.rate, PARTS * PART), list[list[str]]()
        ids = unpacked(walk.rest)
        if not ids:
            kept = self._store.replays.ids_of(self._stream, walk.token)
            parts = kept.parts(walk.part, max(1, most // PART))
            ids = [record_id for part in parts for record_id in part]
        now, rest = ids[:most], ids[most:]
        rows = self._table.picked(now, PAGE_SECONDS)
        changes, going = self._changes(position, rows)
        due_ms = self._due_ms(walk, changes, replay)
        after = walk.after_ids(len(parts), len(now), len(rows), len(changes), due_ms, rest)
        return WalkPage(len(now), changes, going, position.after_walk(after))

    def _due_ms(self, walk: Walk, changes: list[Change], replay: Replay) -> int:
        """When the next ones may follow."""
        now_ms = self._store.now_ms()
        since_ms = max(walk.due_ms, now_ms - LATE_MS) if walk.due_ms else now_ms
        return next_due_ms(since_ms, len(changes), replay.rate)

    def _changes(self, position: Position, rows: list[Row]) -> tuple[list[Change], list[Change]]:
        changes: list[Change] = []
        going: list[Change] = []
        for row in rows:
            payload = self._table.payload(row)
            (going if payload is FILTERED_OUT else changes).append(fetched(row, payload, position))
        return changes, going

    def stored(self, before: Position, behind: Position) -> None:
        """A page is on the queue: the ids that were kept for it are not needed any more."""
        if before.walk is None or behind.walk is None or not behind.walk.token:
            return
        if behind.walk.part > before.walk.part:
            ids = self._store.replays.ids_of(self._stream, behind.walk.token)
            ids.drop_before(behind.walk.part, behind.walk.part - before.walk.part)

    def forget(self, position: Position) -> None:
        """Nothing more is read of the walk of this position; its ids may still be there, after a crash for example."""
        if position.walk is not None and position.walk.token:
            self._store.replays.ids_of(self._stream, position.walk.token).drop()
