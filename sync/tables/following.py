"""Children follow their parent: when it stops matching its filter they leave before it, when it comes back so do they.

Campaign hides a record whose required parent is gone, from its API too: left behind, it could neither be changed nor be
deleted any more. And a link by PKey leads nowhere once the parent was deleted, even if it is created again. Dynamics is
asked which records link to a parent; what is to happen to them is queued like any change.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from connectors.dynamics_pages import Row
from store.record_queue import Change, Lane, Leased, Parent, RecordQueue
from store.store import WorkflowStore
from sync.streams import (
    DELETED,
    FILTERED_OUT,
    FOLLOWS,
    PARENT_LEFT,
    Allowance,
    Send,
    Stream,
    Streams,
    kind_of,
    parent_left,
    words_of,
)
from sync.tables.position import Position


@dataclass(frozen=True, slots=True)
class Family:
    """One stream's children, as far as their records link to certain parents."""

    stream: Stream
    streams: Streams
    store: WorkflowStore
    generation: int

    def held_back(self, going: Collection[str], allowance: Allowance) -> set[str]:
        """Those parents whose children are still in the target, required links only; their deletion is queued.

        Raises ConnectorError, GenerationOver.
        """
        held: set[str] = set()
        self.store.leaving(self.stream.name).add(going)
        for child in self._children():
            queue = self.store.queue(child.name)
            linked = self._linked(child, going, True, allowance)
            ids = sorted({row.id for rows in linked.values() for row in rows})
            # One in flight may be on its way into the target; one whose deletion was refused will not leave it.
            # First the queue, then the ledger: a record that leaves the one in between is found in the other.
            waiting = queue.waiting(ids)
            concerned = (waiting | queue.ledger.perhaps_present(ids)) - queue.refused(ids)
            changes = {
                row.id: Change(row.id, _version(row), parent_left(Parent(self.stream.name, parent)))
                for parent, rows in linked.items()
                for row in rows
                if row.id in concerned
            }
            queue.feed(self.generation, list(changes.values()), Lane.REPLAY)
            held |= {parent for parent, rows in linked.items() if any(row.id in concerned for row in rows)}
        return held

    def bring_along(self, returned: Collection[str], allowance: Allowance) -> int:
        """Queues the children of parents that are back, to be written whatever the ledger says, and tells how many.

        Raises ConnectorError, GenerationOver.
        """
        many = 0
        for child in self._children(itself=True):
            # Looked at before Dynamics is asked: a deletion that is read meanwhile must count.
            position = Position.load(self.store.cursor(child.name).value)
            rows = {row.id: row for rows in self._linked(child, returned, False, allowance).values() for row in rows}
            changes = [
                Change(row.id, position.fetched_version(row.version or 0), FOLLOWS + payload)
                for row in rows.values()
                if (payload := child.table.payload(row)) is not FILTERED_OUT
            ]
            queue = self.store.queue(child.name)
            queue.ledger.disbelieve([change.id for change in changes])
            queue.feed(self.generation, changes, Lane.REPLAY)
            self._take_back(child, queue, [change.id for change in changes], allowance)
            many += len(changes)
        self.store.leaving(self.stream.name).clear(returned)
        return many

    def _take_back(self, child: Stream, queue: RecordQueue, ids: Sequence[str], allowance: Allowance) -> None:
        """Those that were deleted, and whose deletion was read, before they were queued here."""
        there = child.table.existing(ids, allowance)
        gone = Position.load(self.store.cursor(child.name).value).recovered_version
        deletions = [Change(record_id, gone, DELETED) for record_id in ids if record_id not in there]
        queue.feed(self.generation, deletions, Lane.LIVE)

    def returned(self, sends: Sequence[Send]) -> set[str]:
        """Those that were to leave the target, or had left it, and are written after all."""
        written = [send.record.id for send in sends if send.update is not None]
        marked = self.store.leaving(self.stream.name).among(written)
        return {send.record.id for send in sends if send.returns and send.update is not None} | marked

    def unfounded(self, records: Sequence[Leased]) -> set[str]:
        """Those that were to leave with a parent that stays after all."""
        parents = {
            record.id: Parent(*words_of(record.payload)) for record in records if kind_of(record.payload) == PARENT_LEFT
        }
        return {record_id for record_id, parent in parents.items() if not self._goes(parent)}

    def _goes(self, parent: Parent) -> bool:
        """Whether a parent has left the target, or is about to."""
        queue = self.store.queue(parent.stream)
        if not queue.ledger.present([parent.id]):
            return True
        stream, waits = self.streams.get(parent.stream), queue.peek(parent.id)
        if stream is None or waits is None or stream.table.is_outdated(waits):
            return False
        return kind_of(waits) == PARENT_LEFT or (kind_of(waits) == FILTERED_OUT and stream.table.deletes_filtered_out)

    def _children(self, itself: bool = False) -> list[Stream]:
        own = (self.stream.name,) if itself and self.stream.name in self.stream.parents else ()
        return [self.streams[name] for name in (*self.stream.children, *own) if name in self.streams]

    def _linked(
        self, child: Stream, parents: Collection[str], required: bool, allowance: Allowance
    ) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = defaultdict(list)
        for parent, row in child.table.linked(self.stream.name, sorted(parents), required, allowance):
            found[parent].append(row)
        return found


def _version(row: Row) -> int:
    return Position().row_version(row.version or 0)
