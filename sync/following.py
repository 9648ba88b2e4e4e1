"""Children follow their parent: when it stops matching its filter they leave before it, when it comes back so do they.

Campaign hides a record whose required parent is gone, from its API too: left behind, it could neither be changed nor be
deleted any more. And a link by PKey leads nowhere once the parent was deleted, even if it is created again. Dynamics is
asked which records link to a parent; what is to happen to them is queued like any change.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from connectors.dynamics import MOST_LINKED
from connectors.dynamics_pages import Row
from store.ledger import Standing
from store.record_queue import Change, Lane
from store.store import WorkflowStore
from sync.position import Position
from sync.streams import FILTERED_OUT, FOLLOWS, PARENT_LEFT, Allowance, Stream, Streams


@dataclass(frozen=True, slots=True)
class Family:
    """One stream's children, as far as their records link to certain parents."""

    stream: Stream
    streams: Streams
    store: WorkflowStore
    generation: int

    def held_back(self, leaving: Collection[str], allowance: Allowance) -> set[str]:
        """Those parents whose children are still in the target, required links only; their deletion is queued.

        Raises ConnectorError, GenerationOver.
        """
        held: set[str] = set()
        for child in self._children():
            queue = self.store.queue(child.name)
            linked = self._linked(child, leaving, True, allowance)
            ids = sorted({row.id for rows in linked.values() for row in rows})
            present = {
                record_id
                for record_id, entry in zip(ids, queue.ledger.entries(ids), strict=True)
                if entry is not None and entry.standing is Standing.PRESENT
            }
            # One in flight may be on its way into the target.
            concerned = present | queue.waiting(ids)
            changes = [
                Change(row.id, _version(row), PARENT_LEFT)
                for rows in linked.values()
                for row in rows
                if row.id in concerned
            ]
            queue.feed(self.generation, changes, Lane.REPLAY)
            held |= {parent for parent, rows in linked.items() if any(row.id in present for row in rows)}
        return held

    def bring_along(self, returned: Collection[str], allowance: Allowance) -> None:
        """Queues the children of parents that are in the target again: to be written whatever the ledger says.

        Raises ConnectorError, GenerationOver.
        """
        for child in self._children():
            position = Position.load(self.store.cursor(child.name).value)
            rows = {row.id: row for rows in self._linked(child, returned, False, allowance).values() for row in rows}
            changes = []
            for row in rows.values():
                version, payload = position.fetched_version(row.version or 0), child.source.payload(row)
                if payload is not FILTERED_OUT:
                    changes.append(Change(row.id, version, FOLLOWS + payload))
            self.store.queue(child.name).feed(self.generation, changes, Lane.REPLAY)

    def _children(self) -> list[Stream]:
        return [self.streams[name] for name in self.stream.children if name in self.streams]

    def _linked(
        self, child: Stream, parents: Collection[str], required: bool, allowance: Allowance
    ) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = defaultdict(list)
        ordered = sorted(parents)
        for start in range(0, len(ordered), MOST_LINKED):
            part: Sequence[str] = ordered[start : start + MOST_LINKED]
            for parent, row in child.source.linked(self.stream.name, part, required, allowance):
                found[parent].append(row)
        return found


def _version(row: Row) -> int:
    return Position().row_version(row.version or 0)
