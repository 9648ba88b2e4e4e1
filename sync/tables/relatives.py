"""Parents before children.

A child whose parent is not confirmed is parked, and released by the parent's own confirmation (`store/lua/settle.lua`).
What is here tells who has to wait, and looks after those that wait too long.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from connectors.errors import SchemaRefused
from store.ledger import Standing
from store.record_queue import Change, CursorMoved, Lane, Leased, Outcome, Parent, ParkedRecord, Reason, RecordQueue
from store.store import WorkflowStore
from sync.mapping.mapper import Unmappable
from sync.streams import FILTERED_OUT, Send, Stream, Streams
from sync.tables.position import Phase, Position

log = structlog.get_logger()

#: Parked records that are looked after at once.
LOOK_AFTER = 100
#: The longest that one question for a parent may take. Seconds.
ROW_SECONDS = 20.0
#: How soon a record is looked at again that waits for a deletion, its parent's or those of its children. Milliseconds.
DELETION_WAIT_MS = 1000


class Awaiting(NamedTuple):
    """What a look at the parents has told."""

    ready: list[Send]  #: those that need not wait
    missing: dict[str, Parent]  #: by record, the first of its parents that the target is not known to hold
    leaving: list[str]  #: those of which a parent is about to leave the target: soon it has left, or is back


def awaiting_parents(store: WorkflowStore, sends: Sequence[Send]) -> Awaiting:
    """Who has to wait for a parent.

    An optional link to a parent that has left the target is written empty; when it comes back its children follow it.
    """
    wanted: dict[str, set[str]] = defaultdict(set)
    for send in sends:
        for link in send.links:
            wanted[link.parent.stream].add(link.parent.id)
    standings: dict[Parent, Standing] = {}
    for stream, ids in wanted.items():
        for record_id, standing in _standings(store.queue(stream), sorted(ids)).items():
            standings[Parent(stream, record_id)] = standing
    awaiting = Awaiting([], {}, [])
    for send in sends:
        absent = [link for link in send.links if standings.get(link.parent) is not Standing.PRESENT]
        leaving = [link for link in absent if standings.get(link.parent) is Standing.LEAVING]
        left = [
            link
            for link in absent
            # One that is on its way back is about to be there, and is waited for.
            if not link.required and standings.get(link.parent) is Standing.DELETED
        ]
        if missing := [link.parent for link in absent if link not in left and link not in leaving]:
            awaiting.missing[send.record.id] = missing[0]
        elif leaving:
            awaiting.leaving.append(send.record.id)
        else:
            awaiting.ready.append(send.unlinked(left) if left else send)
    return awaiting


def _standings(queue: RecordQueue, ids: Sequence[str]) -> dict[str, Standing]:
    """How these parents stand, those of which anything is known."""
    found = _entries(queue, ids)
    leaving = [record_id for record_id, standing in found.items() if standing is Standing.LEAVING]
    if leaving:
        # Who is off the queue by now has left, or has come back, or must stay since its deletion was refused.
        over = sorted(set(leaving) - queue.waiting(leaving))
        for record_id, standing in _entries(queue, over).items():
            found[record_id] = Standing.PRESENT if standing is Standing.LEAVING else standing
    return found


def _entries(queue: RecordQueue, ids: Sequence[str]) -> dict[str, Standing]:
    entries = zip(ids, queue.ledger.entries(ids), strict=True)
    return {record_id: entry.standing for record_id, entry in entries if entry is not None}


@dataclass(frozen=True, slots=True)
class Orphanage:
    """Looks after the parked records of one stream that have waited for longer than the limit."""

    stream: Stream
    streams: Streams
    store: WorkflowStore
    generation: int

    def look_after(self) -> None:
        """Fetches parents that were not read, and sets records aside whose parent will not come. Raises TryAgain, Stop.

        With a full queue nobody may wait for reading to go on: then every parent is fetched at once.
        """
        queue = self.store.queue(self.stream.name)
        now_ms = self.store.now_ms()
        limit_ms = 0 if queue.is_full() else int(self.stream.park_limit_s * 1000)
        by_parent: dict[Parent, list[ParkedRecord]] = defaultdict(list)
        for parked in queue.parked(now_ms - limit_ms, LOOK_AFTER):
            by_parent[parked.parent].append(parked)
        # Before one of them is set aside, which breaks the circle that the others are in.
        circles = {parent: self._circle(parent) for parent in by_parent}
        for parent, children in by_parent.items():
            ids = [child.id for child in children]
            if self._has_come(parent):
                queue.unpark(ids)
            elif reason := circles[parent] or self._reason(parent):
                queue.unpark(self._spared(queue, parent, ids))
                queue.unpark(ids, reason)
                self.store.outcomes(self.stream.name).note_set_aside(queue.set_aside_of(ids))
                log.warning(
                    "Records were set aside whose parent will not come.",
                    action="orphans_set_aside",
                    records=ids,
                    kind=reason.kind,
                )
            else:
                queue.rearm(ids, now_ms)

    def _circle(self, parent: Parent) -> Reason | None:
        """Why records will never be written that wait for each other, or for themselves."""
        queue, seen = self.store.queue(self.stream.name), {parent}
        while parent.stream == self.stream.name and (awaited := queue.awaits(parent.id)):
            parent = awaited
            if parent in seen:
                return Reason(
                    "parent-circle",
                    f"Following its link to a {parent.stream} leads back to where it began; change a link in Dynamics.",
                )
            seen.add(parent)
        return None

    def _spared(self, queue: RecordQueue, parent: Parent, ids: Sequence[str]) -> list[str]:
        """Those that do not require the parent, which has left the target since they began to wait for it."""
        if _standings(self.store.queue(parent.stream), [parent.id]).get(parent.id) is not Standing.DELETED:
            return []
        return [
            record_id
            for record_id, payload in queue.payloads(ids).items()
            if isinstance(send := self._prepared(record_id, payload), Send)
            and not any(link.required for link in send.links if link.parent == parent)
        ]

    def _prepared(self, record_id: str, payload: bytes) -> Send | Outcome | None:
        try:
            return self.stream.target.prepare(Leased(record_id, 0, 0, Lane.LIVE, payload, 0, 0), None)
        except Unmappable:
            return None

    def _has_come(self, parent: Parent) -> bool:
        return bool(self.store.queue(parent.stream).ledger.present([parent.id]))

    def _reason(self, parent: Parent) -> Reason | None:
        """Why the parent will not come; None if it will, now that it was looked for."""
        stream = self.streams.get(parent.stream)
        if stream is None:
            return Reason("parent-unmapped", f"It links to a {parent.stream}, and that table is not mapped any more.")
        queue = self.store.queue(parent.stream)
        if self._comes_by_itself(queue, parent):
            return None
        if queue.refused([parent.id]):
            return Reason(
                "parent-refused",
                f"The {parent.stream} that it links to was refused; mend and retry it, then retry this one.",
            )
        return self._fetch(stream, queue, parent)

    def _comes_by_itself(self, queue: RecordQueue, parent: Parent) -> bool:
        """Whether the parent waits itself, or is still to be read by a full read."""
        position = Position.load(self.store.cursor(parent.stream).value)
        return bool(queue.waiting([parent.id])) or (position.phase is Phase.FULL and not queue.is_full())

    def _fetch(self, stream: Stream, queue: RecordQueue, parent: Parent) -> Reason | None:
        # Beside the reader a parent could be fetched, deleted, and then be queued after its deletion. The right saves
        # the question; who has lost it meanwhile, and does not know, is told by the cursor.
        with self.store.reading_right(parent.stream) as held:
            if not held:
                return None
            cursor = self.store.cursor(parent.stream)
            position = Position.load(cursor.value)
            try:
                row = stream.table.row(parent.id, ROW_SECONDS)
            except SchemaRefused:
                self.store.holds.doubt(parent.stream)
                return None
            if row is None or row.version is None:
                return Reason(
                    "parent-missing",
                    f"The {parent.stream} that it links to is not in Dynamics; correct the link there.",
                )
            payload = stream.table.payload(row)
            if payload is FILTERED_OUT:
                return Reason(
                    "parent-filtered-out",
                    f"The {parent.stream} that it links to does not pass its filter; filter both tables alike, or "
                    "change the link.",
                )
            version = position.fetched_version(row.version)
            try:
                queue.feed(self.generation, [Change(parent.id, version, payload)], Lane.LIVE, cursor=cursor)
            except CursorMoved:
                return None
            log.info("Fetched a parent that others wait for.", action="parent_fetched", stream=parent.stream)
            return None
