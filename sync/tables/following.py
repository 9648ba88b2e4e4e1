"""Children follow their parent: when it stops matching its filter they leave before it, when it comes back so do they.

Campaign hides a record whose required parent is gone, from its API too: left behind, it could neither be changed nor be
deleted any more. And a link by PKey leads nowhere once the parent was deleted, even if it is created again. Dynamics is
asked which records link to a parent; what is to happen to them is queued like any change.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from connectors.dynamics_pages import Row
from connectors.errors import CursorExpired, Malformed, Refused
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

    def bring_along(self, returned: Collection[str], allowance: Allowance, is_over: Callable[[], bool]) -> bool:
        """Queues the children of parents that are back, to be written whatever the ledger says; whether that is all.

        It ends early between two pages once `is_over`. How far it has come is kept, so that whoever tries again goes on
        from there, however many children there are. Raises ConnectorError, GenerationOver, what `allowance` raises.
        """
        # Until all are queued: a parent that is only written once more does not show that it was away.
        self.store.leaving(self.stream.name).add(returned)
        if not all(self._bring_children(parent, allowance, is_over) for parent in sorted(returned)):
            return False
        self.store.leaving(self.stream.name).clear(returned)
        return True

    def _bring_children(self, parent: str, allowance: Allowance, is_over: Callable[[], bool]) -> bool:
        places, children = self.store.following(self.stream.name), self._children(itself=True)
        number, place = self._place(places.get(parent))
        kept = bool(place)
        while number < len(children):
            try:
                place = self._bring_page(children[number], parent, place, allowance)
            except (CursorExpired, Malformed, Refused) as error:
                # The place may be to blame: the next time it is begun anew. One that was told just now is not, if what
                # came is only torn.
                if kept or not isinstance(error, Malformed):
                    places.drop([parent])
                raise
            kept = False
            number += not place
            if number < len(children):
                places.put(parent, f"{self.generation} {number} {place}")
                if is_over():
                    return False
        places.drop([parent])
        return True

    def _place(self, kept: str) -> tuple[int, str]:
        """The number of the children's stream and the place in it. Another generation may have other streams."""
        generation, number, place = kept.split(" ", 2) if kept else ("", "", "")
        return (int(number), place) if generation == str(self.generation) else (0, "")

    def _bring_page(self, child: Stream, parent: str, place: str, allowance: Allowance) -> str:
        """Queues some of a parent's children and answers the place behind them."""
        # Looked at before Dynamics is asked: a deletion that is read meanwhile must count.
        position = Position.load(self.store.cursor(child.name).value)
        rows, behind = child.table.linked_page(self.stream.name, parent, place, allowance)
        changes = [
            Change(row.id, position.fetched_version(row.version or 0), FOLLOWS + payload)
            for row in rows
            if (payload := child.table.payload(row)) is not FILTERED_OUT
        ]
        if changes:
            queue = self.store.queue(child.name)
            queue.ledger.disbelieve([change.id for change in changes])
            queue.feed(self.generation, changes, Lane.REPLAY)
            self._take_back(child, queue, [change.id for change in changes], parent, place, allowance)
        return behind

    def _take_back(
        self, child: Stream, queue: RecordQueue, ids: Sequence[str], parent: str, place: str, allowance: Allowance
    ) -> None:
        """Those that were deleted or stopped matching, if that was read, and passed over, before they were queued here.

        The page is asked for once more. Its cursor cannot tell: a reader that has passed them over may yet store it.
        """
        again = {row.id: row for row in child.table.linked_page(self.stream.name, parent, place, allowance).rows}
        missing = [record_id for record_id in ids if record_id not in again]
        there = child.table.existing(missing, allowance)
        position = Position.load(self.store.cursor(child.name).value)
        deletions = [
            Change(record_id, position.recovered_version, DELETED) for record_id in missing if record_id not in there
        ]
        queue.feed(self.generation, deletions, Lane.LIVE)
        unwanted = [
            Change(record_id, position.fetched_version(again[record_id].version or 0), FILTERED_OUT)
            for record_id in ids
            if record_id in again and child.table.payload(again[record_id]) is FILTERED_OUT
        ]
        queue.feed(self.generation, unwanted, Lane.REPLAY)

    def returned(self, sends: Sequence[Send]) -> set[str]:
        """Those that were to leave the target, or had left it, and are written after all."""
        written = [send.record.id for send in sends if send.update is not None]
        marked = self.store.leaving(self.stream.name).among(written)
        return {send.record.id for send in sends if send.returns and send.update is not None} | marked

    def begin_anew(self, parents: Collection[str]) -> None:
        """Once these are back, their children are queued from the first one on: what was queued may not be there."""
        if self._children(itself=True):
            self.store.following(self.stream.name).drop(parents)

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
