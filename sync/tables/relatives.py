"""Parents before children.

A child whose parent is not confirmed is parked, and released by the parent's own confirmation (`store/lua/settle.lua`).
What is here tells who has to wait, and looks after those that wait too long.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from connectors.errors import Refused, SchemaRefused, TryAgain
from store.ledger import Standing
from store.record_queue import CursorMoved, Lane, Leased, Outcome, Parent, ParkedRecord, Reason, RecordQueue
from store.store import WorkflowStore
from sync.mapping.mapper import Unmappable
from sync.streams import FILTERED_OUT, Link, Send, Stream, Streams
from sync.tables.fetched import fetched
from sync.tables.position import Phase, Position

log = structlog.get_logger()

#: Parked records that are looked after at once.
LOOK_AFTER = 100
#: The longest that one question for a parent may take. Seconds.
ROW_SECONDS = 20.0
#: Questions in a row without an answer after which Dynamics is asked no more for now.
OUTAGES_TOO_MANY = 3
#: How soon a parent is looked for again whose table somebody was reading just then. Milliseconds.
BESIDE_READER_MS = 5000
#: How soon a record is looked at again that waits for a deletion, its parent's or those of its children. Milliseconds.
DELETION_WAIT_MS = 1000


class Awaiting(NamedTuple):
    """What a look at the parents has told."""

    ready: list[Send]  #: those that need not wait
    missing: dict[str, Parent]  #: by record, the first of its parents that the target is not known to hold
    leaving: list[str]  #: those of which a parent is about to leave the target: soon it has left, or is back


def awaiting_parents(
    store: WorkflowStore, sends: Sequence[Send], beside: Mapping[str, Parent] | None = None
) -> Awaiting:
    """Who has to wait for a parent. `beside`: the parents for which others of the same batch will wait.

    An optional link to a parent that has left the target is written empty; when it comes back its children follow it.
    So is one to a parent that is back, of which no answer has come, and that waits for this record itself.
    """
    wanted: dict[str, set[str]] = defaultdict(set)
    for send in sends:
        for link in send.links:
            wanted[link.parent.stream].add(link.parent.id)
    standings: dict[Parent, Standing] = {}
    for stream, ids in wanted.items():
        for record_id, standing in _standings(store.queue(stream), sorted(ids)).items():
            standings[Parent(stream, record_id)] = standing
    awaiting, missing = Awaiting([], {}, []), dict(beside or {})
    for send in sends:
        absent = [link for link in send.links if standings.get(link.parent) is not Standing.PRESENT]
        leaving = [link for link in absent if standings.get(link.parent) is Standing.LEAVING]
        left = [
            link
            for link in absent
            if not link.required
            and (
                standings.get(link.parent) is Standing.DELETED
                # One that is on its way back is about to be there, and is waited for.
                or (standings.get(link.parent) is Standing.COMING and _closes_circle(store, link, send, missing))
            )
        ]
        if awaited := [link.parent for link in absent if link not in left and link not in leaving]:
            awaiting.missing[send.record.id] = missing[send.record.id] = awaited[0]
        elif leaving:
            awaiting.leaving.append(send.record.id)
        else:
            awaiting.ready.append(send.unlinked(left) if left else send)
    return awaiting


def _closes_circle(store: WorkflowStore, link: Link, send: Send, missing: Mapping[str, Parent]) -> bool:
    """Whether the parent waits for this record, on whatever way, and will bring it along once it is back. `missing`:
    what others of the same batch will wait for."""
    parent = link.parent
    if not _is_back(store, parent) or store.following(parent.stream).of([parent.id]):
        return False  # nobody asks for its children, or their beginning was asked for already
    seen = set[Parent]()
    # The id alone tells, since only links within a table may lead back to where they began.
    while parent.id != send.record.id:
        awaited = missing.get(parent.id) or store.queue(parent.stream).awaits(parent.id)
        if awaited is None or awaited in seen:
            return False
        seen.add(awaited)
        parent = awaited
    return True


def _is_back(store: WorkflowStore, parent: Parent) -> bool:
    """Whether it had left the target, and was sent again: its children follow it as soon as that is confirmed."""
    entry = store.queue(parent.stream).ledger.entries([parent.id])[0]
    return entry is not None and entry.standing is Standing.COMING and entry.was_confirmed


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


def _leads_back(circle: Sequence[Parent]) -> Reason | None:
    """Why records will never be written that wait for each other, or for themselves."""
    if not circle:
        return None
    return Reason(
        "parent-circle",
        f"Following its link to a {circle[0].stream} leads back to where it began; change a link in Dynamics.",
    )


class BesideReader(Exception):
    """Somebody reads the parent's table."""


@dataclass(frozen=True, slots=True)
class Orphanage:
    """Looks after the parked records of one stream that have waited for longer than the limit."""

    stream: Stream
    streams: Streams
    store: WorkflowStore
    generation: int

    def look_after(self, is_over: Callable[[], bool]) -> None:
        """Fetches parents that were not read, and sets records aside whose parent will not come.

        With a full queue nobody may wait for reading to go on: then every parent is fetched at once. It ends early
        between two parents once `is_over`. One that Dynamics does not answer for keeps none of the others waiting:
        raises the last of these TryAgain and Refused in the end. Raises Stop, GenerationOver at once.
        """
        queue = self.store.queue(self.stream.name)
        now_ms = self.store.now_ms()
        limit_ms = 0 if queue.is_full() else int(self.stream.park_limit_s * 1000)
        by_parent: dict[Parent, list[ParkedRecord]] = defaultdict(list)
        for parked in queue.parked(now_ms - limit_ms, LOOK_AFTER):
            by_parent[parked.parent].append(parked)
        # Before one of them is set aside or let go, which breaks the circle that the others are in.
        circles = {parent: self._circle(parent) for parent in by_parent}
        opened = set[Parent]()
        failed: TryAgain | Refused | None = None
        outages = 0
        for parent, children in by_parent.items():
            ids = [child.id for child in children]
            try:
                if self._has_come(parent):
                    queue.unpark(ids, parent=parent)
                elif self._opens(circles[parent], opened):
                    queue.rearm(ids, now_ms)
                elif reason := _leads_back(circles[parent]) or self._reason(parent):
                    self._set_aside(queue, parent, ids, reason)
                else:
                    queue.rearm(ids, now_ms)
                outages = 0
            except BesideReader:
                queue.rearm(ids, now_ms - limit_ms + BESIDE_READER_MS)
            except (TryAgain, Refused) as error:
                # Behind all others whose time has come.
                queue.rearm(ids, now_ms - limit_ms)
                failed, outages = error, outages + isinstance(error, TryAgain)
            if outages >= OUTAGES_TOO_MANY or is_over():
                break
        if failed is not None:
            raise failed

    def _set_aside(self, queue: RecordQueue, parent: Parent, ids: Sequence[str], reason: Reason) -> None:
        """But not those that need not wait, nor those that wait for another parent since this one was looked for."""
        spared = set(self._spared(queue, parent, ids))
        queue.unpark(spared, parent=parent)
        rest = [record_id for record_id in ids if record_id not in spared]
        queue.unpark(rest, reason, parent=parent)
        if letters := queue.set_aside_of(rest):
            self.store.outcomes(self.stream.name).note_set_aside(letters)
            log.warning(
                "Records were set aside whose parent will not come.",
                action="orphans_set_aside",
                records=[letter.id for letter in letters],
                kind=reason.kind,
            )

    def _circle(self, parent: Parent) -> list[Parent]:
        """Records each of which waits for the next one, and the last for the first; whoever waits for this parent
        waits for all of them. Empty: there is none."""
        queue, way = self.store.queue(self.stream.name), [parent]
        while way[-1].stream == self.stream.name and (awaited := queue.awaits(way[-1].id)):
            if awaited in way:
                return way[way.index(awaited) :]
            way.append(awaited)
        return []

    def _opens(self, circle: Sequence[Parent], opened: set[Parent]) -> bool:
        """Lets one of them go whose parent will bring it along: it is written without that link. Whether there is one.

        `opened`: all in whose circle that was done; two of one circle might be parked again beside each other.
        """
        if not opened.isdisjoint(circle):
            return True
        for child, parent in zip(circle, [*circle[1:], *circle[:1]], strict=True):
            if _is_back(self.store, parent):
                # From the first on: what was asked for before may have passed this one over.
                self.store.following(parent.stream).drop([parent.id])
                self.store.queue(child.stream).unpark([child.id], parent=parent)
                opened.update(circle)
                return True
        return False

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
        """Why the parent will not come; None if it will, now that it was looked for. Raises BesideReader."""
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
                raise BesideReader
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
            try:
                queue.feed(self.generation, [fetched(row, payload, position)], Lane.LIVE, cursor=cursor)
            except CursorMoved:
                raise BesideReader from None
            log.info("Fetched a parent that others wait for.", action="parent_fetched", stream=parent.stream)
            return None
