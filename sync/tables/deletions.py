"""A parent is deleted after its children, as far as these have been read and what was read of them has reached its end.

Two kinds of waiting. What was read may be stuck, record by record, and for that a deletion waits no longer than the
limit. But where a child may have left its parent and nobody has read that yet, or nobody may write it, deleting the
parent would hide the child in Campaign for good: for that it waits for as long as it takes, and people are told.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from store.ledger import Standing
from store.record_queue import RecordQueue
from store.store import Settling, WorkflowStore
from sync.patience import Patience
from sync.streams import Send, Stream, Streams
from sync.tables.position import Phase, Position

#: Parked records that a parent's deletion has looked through; with more of them it waits.
MOST_PARKED = 1000
#: How much later than a parent's deletion its children must have been read: changes show with some delay. Milliseconds.
DELAY_MS = 3000


@dataclass(frozen=True, slots=True)
class Departures:
    """Tells which records of one stream may be deleted by now."""

    stream: Stream
    streams: Streams
    store: WorkflowStore
    generation: int

    def ready(self, deletions: Sequence[Send]) -> set[str]:
        """Those that need not wait for their children any longer."""
        settled_ms, now_ms = children_settled_ms(self.store, self.stream), self.store.now_ms()
        waiting = self._not_begun([send for send in deletions if send.read_ms >= settled_ms])
        ready = {send.record.id for send in deletions} - {send.record.id for send in waiting}
        trouble = Patience(self.store.troubles, f"{self.stream.name}.deletions")
        if not waiting and not trouble.sentence:
            return ready
        obstacles = [obstacle for child in self._dependants() for obstacle in self._obstacles(child)]
        limit_ms = self.stream.park_limit_s * 1000
        overdue = [send for send in waiting if now_ms - send.read_ms >= limit_ms]
        if stuck := next((reason for send in overdue if (reason := _first(obstacles, send.read_ms))), ""):
            self.store.note_hindered(self.stream.name, now_ms)
            if trouble.is_over():
                trouble.note(stuck, None)
        elif not any(_first(obstacles, send.read_ms) for send in waiting):
            trouble.end()
        # The limit is for what is stuck on its own: once an obstacle is gone, what it held up gets as much time again.
        if now_ms - self.store.hindered_ms(self.stream.name) > limit_ms:
            ready |= {send.record.id for send in overdue}
        return ready

    def _not_begun(self, deletions: Sequence[Send]) -> list[Send]:
        """Those that were not about to be sent before: since then no child has come that would have to go first."""
        entries = self.store.queue(self.stream.name).ledger.entries([send.record.id for send in deletions])
        return [
            send
            for send, entry in zip(deletions, entries, strict=True)
            if entry is None or entry.standing is not Standing.LEAVING
        ]

    def _dependants(self) -> list[str]:
        """The children whose records cannot be reached in the target without their parent, and theirs: a child's own
        deletion waits for them, and that may take as long as it takes.

        Where these lead back to the stream itself, each would wait for the other: there the limit is for all.
        """
        name = self.stream.name
        return [one for one in self._descendants(name) if name not in self._descendants(one)]

    def _requiring(self, parent: str) -> list[str]:
        stream = self.streams.get(parent)
        children = stream.children if stream else ()
        return [child for child in children if child in self.streams and parent in self.streams[child].requires]

    def _descendants(self, parent: str) -> list[str]:
        """The nearest first; a stream that leads back to itself is among its own."""
        found = list(dict.fromkeys(self._requiring(parent)))
        for name in found:  # it grows meanwhile
            found += [child for child in self._requiring(name) if child not in found]
        return found

    def _obstacles(self, child: str) -> Iterator["Obstacle"]:
        position = Position.load(self.store.cursor(child).value)
        if self.store.holds.get(child, self.generation):
            yield Obstacle(child, "it is held")
        if position.phase is Phase.FULL:
            yield Obstacle(child, "it is being read in full")
        if position.left or position.comparison:
            yield Obstacle(child, "its own deletions are being recovered")
        if self.store.loads(child).read():
            yield Obstacle(child, "an import of it by Campaign is under way")
        if self.store.troubles.get(f"{child}.write"):
            yield Obstacle(child, "it cannot be written")
        yield Obstacle(child, "it has not been read so far", _read_ms(self.store, child, position) - DELAY_MS)
        lanes_ms = self.store.queue(child).backlog().lanes_ms
        if lanes_ms is not None:
            yield Obstacle(child, "what was read of it before still waits", lanes_ms)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why deletions that were read at some time or later wait for a child, however long."""

    child: str
    reason: str
    since_ms: float = -math.inf

    def sentence(self, read_ms: int) -> str:
        """Empty if a deletion that was read then does not wait for this."""
        if read_ms < self.since_ms:
            return ""
        return f"Deletions wait for {self.child}, whose records link to what is to be deleted: {self.reason}"


def _first(obstacles: Sequence[Obstacle], read_ms: int) -> str:
    return next((sentence for obstacle in obstacles if (sentence := obstacle.sentence(read_ms))), "")


def children_settled_ms(store: WorkflowStore, stream: Stream) -> float:
    """Until when everything that happened to the stream's children has been read and has reached its end."""
    settled = math.inf
    for child in stream.children:
        position = Position.load(store.cursor(child).value)
        if position.phase is Phase.FULL or position.left or position.comparison:
            return -math.inf  # deletions are still to be read, or to be recovered
        read_ms = _read_ms(store, child, position)
        if not read_ms:
            return -math.inf
        settled = min(settled, _settled_ms(store, child, read_ms) - DELAY_MS)
    return settled


def _read_ms(store: WorkflowStore, child: str, position: Position) -> int:
    """Until when everything that happened to a child has been read; 0 if nobody can tell."""
    read_ms = store.caught_up_ms(child) or 0
    # What was recovered does not tell of a record that was deleted and is there again: a later round does.
    return read_ms if read_ms > position.recovered_ms else 0


def _settled_ms(store: WorkflowStore, child: str, read_ms: int) -> int:
    """The same for one child, of which everything until `read_ms` has been read.

    A record that waits tells when it was read, not when it happened. So it is noted what has been read by now, and
    found settled once nothing waits that was queued until now. A parked record may have been queued at any time.
    """
    now_ms, settling, queue = store.now_ms(), store.settling(child), store.queue(child)
    backlog, parked = queue.backlog_and_parked(MOST_PARKED)
    if _may_hold_any(queue, parked) or (backlog.oldest_ms is not None and backlog.oldest_ms <= settling.noted_ms):
        return settling.settled_ms
    settled_ms = read_ms if backlog.oldest_ms is None else settling.read_ms
    store.note_settling(child, Settling(max(settled_ms, settling.settled_ms), read_ms, now_ms))
    return settled_ms


def _may_hold_any(queue: RecordQueue, parked: Sequence[str]) -> bool:
    """Whether the target may hold an earlier version of a parked record, which may link to what is to be deleted.

    One that was never sent links to nothing there, and will not be before its parents are looked at again.
    """
    return len(parked) == MOST_PARKED or bool(queue.ledger.perhaps_present(parked))
