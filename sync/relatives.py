"""Parents before children, and children's deletions before their parents'.

A child whose parent is not confirmed is parked, and released by the parent's own confirmation (`store/lua/settle.lua`).
What is here looks after those that wait too long, and tells when a parent may be deleted.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from connectors.errors import SchemaRefused
from store.ledger import Standing
from store.record_queue import Change, Lane, Parent, ParkedRecord, Reason, RecordQueue
from store.store import Settling, WorkflowStore
from sync.position import Phase, Position
from sync.streams import FILTERED_OUT, Send, Stream, Streams

log = structlog.get_logger()

#: Parked records that are looked after at once.
LOOK_AFTER = 100
#: The longest that one question for a parent may take. Seconds.
ROW_SECONDS = 20.0
#: Parked records that a parent's deletion has looked through; with more of them it waits.
MOST_PARKED = 1000
#: How much later than a parent's deletion its children must have been read: changes show with some delay. Milliseconds.
DELAY_MS = 3000
#: How soon a deletion that waits for children is looked at again. Milliseconds.
DELETION_WAIT_MS = 1000


def awaiting_parents(store: WorkflowStore, sends: Sequence[Send]) -> tuple[list[Send], dict[str, Parent]]:
    """Those that need not wait, and by record the first of the others' parents that the target is not known to hold.

    An optional link to a parent that has left the target is written empty; when it comes back its children follow it.
    """
    wanted: dict[str, set[str]] = defaultdict(set)
    for send in sends:
        for link in send.links:
            wanted[link.parent.stream].add(link.parent.id)
    standings: dict[Parent, Standing] = {}
    for stream, ids in wanted.items():
        ordered = sorted(ids)
        for record_id, entry in zip(ordered, store.queue(stream).ledger.entries(ordered), strict=True):
            if entry is not None:
                standings[Parent(stream, record_id)] = entry.standing
    ready: list[Send] = []
    missing: dict[str, Parent] = {}
    for send in sends:
        absent = [link for link in send.links if standings.get(link.parent) is not Standing.PRESENT]
        left = [
            link
            for link in absent
            # One that follows its parent waits until that is confirmed to be back.
            if not link.required and not send.follows and standings.get(link.parent) is Standing.DELETED
        ]
        if len(left) < len(absent):
            missing[send.record.id] = next(link.parent for link in absent if link not in left)
        else:
            ready.append(send.unlinked(left) if left else send)
    return ready, missing


def children_settled_ms(store: WorkflowStore, stream: Stream) -> float:
    """Until when everything that happened to the stream's children has been read and has reached its end."""
    settled = math.inf
    for child in stream.children:
        position = Position.load(store.cursor(child).value)
        if position.phase is Phase.FULL or position.left or position.comparison:
            return -math.inf  # deletions are still to be read, or to be recovered
        read_ms = max(position.token_ms or 0, store.caught_up_ms(child) or 0)
        settled = min(settled, _settled_ms(store, child, read_ms) - DELAY_MS)
    return settled


def _settled_ms(store: WorkflowStore, child: str, read_ms: int) -> int:
    """The same for one child, of which everything until `read_ms` has been read.

    A record that waits tells when it was read, not when it happened. So it is noted what has been read by now, and
    found settled once nothing waits that was queued until now. A parked record may have been queued at any time.
    """
    now_ms, settling, queue = store.now_ms(), store.settling(child), store.queue(child)
    backlog = queue.backlog()
    if (backlog.parked and _holds_any_parked(queue, now_ms)) or (
        backlog.oldest_ms is not None and backlog.oldest_ms <= settling.noted_ms
    ):
        return settling.settled_ms
    settled_ms = read_ms if backlog.oldest_ms is None else settling.read_ms
    store.note_settling(child, Settling(max(settled_ms, settling.settled_ms), read_ms, now_ms))
    return settled_ms


def _holds_any_parked(queue: RecordQueue, now_ms: int) -> bool:
    """Whether the target holds an earlier version of a parked record, which may link to what is to be deleted.

    One that was never written links to nothing there, and will not be written before its parents are looked at again.
    """
    ids = [record.id for record in queue.parked(now_ms, MOST_PARKED)]
    return len(ids) == MOST_PARKED or bool(queue.ledger.present(ids))


def may_be_deleted(send: Send, settled_ms: float, stream: Stream, now_ms: int) -> bool:
    """Whether a parent's deletion need not wait for its children any longer."""
    waited_s = (now_ms - send.read_ms) / 1000
    return send.read_ms < settled_ms or waited_s > stream.park_limit_s


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
                queue.unpark(ids, reason)
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
                f"The {parent.stream} that it links to was refused; mend it, then replay both tables.",
            )
        return self._fetch(stream, queue, parent)

    def _comes_by_itself(self, queue: RecordQueue, parent: Parent) -> bool:
        """Whether the parent waits itself, or is still to be read by a full read."""
        position = Position.load(self.store.cursor(parent.stream).value)
        return bool(queue.waiting([parent.id])) or (position.phase is Phase.FULL and not queue.is_full())

    def _fetch(self, stream: Stream, queue: RecordQueue, parent: Parent) -> Reason | None:
        # Beside the reader a parent could be fetched, deleted, and then be queued after its deletion.
        with self.store.reading_right(parent.stream) as held:
            if not held:
                return None
            position = Position.load(self.store.cursor(parent.stream).value)
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
            queue.feed(self.generation, [Change(parent.id, version, payload)], Lane.LIVE)
            log.info("Fetched a parent that others wait for.", action="parent_fetched", stream=parent.stream)
            return None
