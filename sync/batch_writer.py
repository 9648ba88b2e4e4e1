"""One batch in a writer's hands: what is to be sent is sent, and each record comes to its own end.

A writer's own deadline lies well within its lease and is checked before every request. That, not Redis, is what keeps
an old version from landing late: whoever has overslept sends nothing more.
"""

import math
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import TypeVar

import structlog

from connectors.errors import ConnectorError, Stop, TryAgain
from connectors.uptime import uptime
from store.ledger import Standing
from store.record_queue import (
    Again,
    Batch,
    Filtered,
    GenerationOver,
    Leased,
    Outcome,
    Refused,
    Unchanged,
    Unsent,
    Written,
)
from store.sealing import UnknownKey
from store.store import WorkflowStore
from sync.patience import Patience, asked_for
from sync.provenance import Provenance
from sync.reasons import may_be_drift, reason_of, remedy_of, status_of
from sync.retry import Later, Remedy, decide
from sync.sorting import Hold, Sorting
from sync.streams import Answer, Send, Slice, Stream, Streams
from sync.tables.anew import ASK_AGAIN_MS
from sync.tables.following import Family

log = structlog.get_logger()

T = TypeVar("T")

#: The longest one request may take. Campaign's gateway gives up after 60 seconds; a writer must beat its lease.
REQUEST_SECONDS = 20.0
#: The part of a lease in which requests may begin, and the part in which they must have ended.
BEGIN_WITHIN, END_WITHIN = 0.6, 0.95
#: The part of a lease after which it is renewed, if records are still to be sent.
RENEW_AFTER = 0.4
#: How often a writer looks whether the workflow was stopped, and settles what has become known. Seconds.
LOOK_EVERY = 0.25
#: How long a shutdown waits for requests that are under way. Seconds.
SHUTDOWN_SECONDS = 5.0
#: How soon, and how often, a record is tried again that a changed schema may have made wrong. Seconds, attempts.
SCHEMA_WAIT, SCHEMA_ATTEMPTS = 5.0, 4
#: Outages in a row after which the rest of a batch is given back: the target is down, not the record wrong.
OUTAGES_TOO_MANY = 3


class LeaseEnding(Exception):
    """Too little of the lease is left: nothing may be sent any more."""


@dataclass(frozen=True, slots=True)
class Writing:
    """One writer's slice."""

    stream: Stream
    streams: Streams
    store: WorkflowStore
    generation: int
    piece: Slice
    lease_s: float
    ends: float  #: by the monotonic clock
    over: threading.Event = field(default_factory=threading.Event)  #: nothing more is to be sent

    @property
    def may_begin(self) -> bool:
        """Whether nobody is yet to forget what is known of the records, or of their parents, in another target."""
        parents = (self.streams[name] for name in self.stream.parents if name in self.streams)
        return all(one.source.may_write(self.store.cursor(one.name).value) for one in (self.stream, *parents))


class BatchWriter:
    """One batch in one writer's hands: threads send, the caller's thread settles, renews and looks out."""

    def __init__(self, writing: Writing, batch: Batch, taken: float) -> None:
        self._writing = writing
        self._target = writing.stream.target
        self._family = Family(writing.stream, writing.streams, writing.store, writing.generation)
        self._store = writing.store
        self._queue = writing.store.queue(writing.stream.name)
        self._generation = writing.generation
        self._batch = batch
        self.provenance = Provenance(writing.store, writing.stream.name, batch.records)
        self.ends: Counter[str] = Counter()  #: what has become of its records so far
        self._lease_s = writing.lease_s
        self._leased_at = taken  # by `uptime`, before the lease was asked for: our deadline is never later than Redis'
        self._piece = writing.piece
        self._tried = {record.id: record.attempts for record in batch.records if record.attempts}
        self._todo: deque[Send] = deque()
        self._outcomes: deque[Outcome] = deque()
        self._halt = False
        self._trouble: TryAgain | None = None
        self._stop: Stop | UnknownKey | None = None
        self._outages = 0  # in a row
        self._outage: TryAgain | None = None  # the last one
        self._held_up = 0  # records that met one
        self._looked_at: bool | None = None  # whether the schemas were compared since the last doubt
        hold = Hold(self._allowance, self._keep_lease, self._asked, self._failed, self._let_go)
        self._sorting = Sorting(writing, batch, self._family, hold)
        self._confirmed = False  # whether the target has confirmed any record

    @property
    def gave_up(self) -> bool:
        """Whether the target turned out to be down."""
        return self._trouble is not None

    def write(self, pool: ThreadPoolExecutor, patience: Patience) -> None:
        """Ends with every record of the batch settled or given back. Raises Stop after that.

        Only what is still under way some seconds into a shutdown stays leased: its lease will end.
        """
        self._prepare()
        hands = min(self._target.concurrency, math.ceil(len(self._todo) / self._target.together))
        running: Iterable[Future[None]] = [pool.submit(self._send_on) for _ in range(hands)]
        leave_at = math.inf
        try:
            while running and time.monotonic() < leave_at:
                _, running = wait(running, timeout=LOOK_EVERY)
                self._settle()
                if running:
                    self._look()
                    if leave_at == math.inf and self._piece.stopping():
                        leave_at = time.monotonic() + SHUTDOWN_SECONDS
        except BaseException:
            self._halt = True  # nobody looks out any more: the threads must not go on
            raise
        self._give_back()
        self._settle()
        self._store.engine_calls.add(*self._target.take_calls(), int(time.time() * 1000))
        if self._stop is not None:
            raise self._stop
        if not self._confirmed and self._held_up >= OUTAGES_TOO_MANY:
            # Few requests, of many records each, and none that went well: an outage all the same.
            self._trouble = self._trouble or self._outage
        if self._confirmed or self._outage is None:
            # A target that confirms some is not down: its trouble, if any, begins anew, and so does the waiting.
            patience.end()
        if self._trouble is not None:
            patience.failed(self._trouble)
        elif self._outage is not None and not self._confirmed:
            # Too few to tell an outage from a hiccup: it is shown, and each of them waits by itself.
            patience.note(self._outage.sentence, wait=0)

    def _prepare(self) -> None:
        """What must be sent is to be done; what needs no request has its outcome at once."""
        todo, outcomes = self._sorting.sort()
        self._todo.extend(todo)
        self._outcomes.extend(outcomes)
        self.provenance.expect(todo)

    def _let_go(self) -> None:
        self._halt = True

    def _give_back(self) -> None:
        """What no thread has taken. Of it nothing is known after all: new records may travel in a file later."""
        left = [send.record.id for send in self._todo]
        if unknown := self._sorting.new.intersection(left):
            self._queue.not_sent(self._batch.number, unknown)
        self._outcomes.extend(Unsent(record_id) for record_id in left)

    def _asked(self, question: Callable[[], T]) -> T | None:
        """The answer of Dynamics; None if there is none for now."""
        try:
            return question()
        except Stop as error:
            self._stop, self._halt = error, True
        except ConnectorError as error:
            log.warning("Dynamics could not be asked.", action="not_asked", why=error.sentence)
        except (LeaseEnding, GenerationOver):
            self._halt = True
        return None

    def _send_on(self) -> None:
        """One thread: sends records until none is left or nothing may be sent any more."""
        while not self._halt and (sends := self._taken()):
            try:
                answers = self._target.send(sends, self._allowance)
            except Exception as error:
                answers = [error] * len(sends)
            if any(remedy_of(answer) is Remedy.OUTAGE for answer in answers if isinstance(answer, Exception)):
                self._outages += 1  # one request, however many records it carried
            for send, answer in zip(sends, answers, strict=True):
                self._outcomes.append(self._outcome(send, answer))

    def _taken(self) -> list[Send]:
        """As many of the rest as one request carries; threads take them side by side."""
        sends: list[Send] = []
        while len(sends) < self._target.together:
            try:
                sends.append(self._todo.popleft())
            except IndexError:
                break
        return sends

    def _outcome(self, send: Send, answer: Answer) -> Outcome:
        """What becomes of a record of which the target has said this."""
        match answer:
            case LeaseEnding() | GenerationOver():
                self._halt = True
                return Unsent(send.record.id)
            case Stop() | UnknownKey():
                self._stop, self._halt = answer, True
                return Unsent(send.record.id)
            case Exception():
                return self._failed(send.record, answer)
        self._outages, self._confirmed = 0, True
        if not isinstance(answer, bool):
            return answer
        try:
            followed = self._is_followed(send, answer)
        except Exception as error:
            return self._failed(send.record, error)
        if not followed:
            return Again(send.record.id, ASK_AGAIN_MS, counts=False)
        return Written(send.record.id, send.entry, inserted=answer)

    def _is_followed(self, send: Send, inserted: bool) -> bool:
        """Queues the children of a record that has come back; False if they could not be asked for, or not all yet.

        Before it is confirmed: a crash in between must not leave the children behind.
        """
        deleted_there = inserted and send.known and self._family.is_linked_to
        if send.record.id not in self._sorting.returned and not deleted_there:
            return True
        # Some of them however late in the slice: what is asked for a little at a time must come to its end.
        come = self._asked(
            lambda: self._family.bring_along([send.record.id], self._allowance_of_lease, lambda: self._halt)
        )
        return bool(come)

    def _allowance(self) -> float:
        if self._halt:
            raise LeaseEnding(LeaseEnding.__doc__)
        return self._allowance_of_lease()

    def _allowance_of_lease(self) -> float:
        now = uptime()
        if now > self._leased_at + BEGIN_WITHIN * self._lease_s:
            raise LeaseEnding(LeaseEnding.__doc__)
        return min(REQUEST_SECONDS, self._leased_at + END_WITHIN * self._lease_s - now)

    def _failed(self, record: Leased, error: Exception) -> Outcome:
        if may_be_drift(error) and record.attempts + 1 < SCHEMA_ATTEMPTS:
            # The schema may have been changed under us: it is looked at before records are blamed.
            stream = self._writing.stream.name
            if self._looked_at is None:
                self._looked_at = stream not in self._store.holds.doubted()
                self._store.holds.doubt(stream)
            return Again(record.id, int(SCHEMA_WAIT * 1000), self._looked_at, reason_of(error).kind, status_of(error))
        remedy = remedy_of(error)
        if remedy is Remedy.OUTAGE and isinstance(error, TryAgain):
            self._outage = error
            self._held_up += 1
            if self._outages >= OUTAGES_TOO_MANY:
                self._trouble, self._halt = error, True
        decision = decide(remedy, record.attempts + 1, asked_for(error), random.Random())
        if isinstance(decision, Later):
            return Again(record.id, decision.wait_ms, decision.counts, reason_of(error).kind, status_of(error))
        self._family.begin_anew([record.id])
        of = self._writing.stream
        reason = replace(reason_of(error), place=of.place_of(record.payload))
        told = {"place": reason.place} if reason.place else {}
        # A writer's threads have no log context of their own.
        log.warning(
            "A record was refused.",
            action="record_refused",
            workflow=self._store.name,
            stream=of.name,
            record=record.id,
            **self.provenance.trace_of(record),
            **told,
            kind=reason.kind,
            why=reason.sentence,
        )
        return Refused(record.id, reason, status_of(error))

    def _look(self) -> None:
        """Between requests: was the workflow stopped, is the slice over, does the lease need renewing?"""
        if self._piece.stopping() or self._writing.over.is_set() or time.monotonic() > self._writing.ends:
            self._halt = True
            return
        renewed = self._keep_lease()
        if not renewed and not self._store.lifecycle.is_running(self._generation):
            self._halt = True

    def _keep_lease(self) -> bool:
        """Renews the lease if it needs to; whether it did."""
        due = uptime() > self._leased_at + RENEW_AFTER * self._lease_s
        if due:
            self._renew()
        return due

    def _renew(self) -> None:
        asked = uptime()
        try:
            held = self._queue.renew(self._generation, self._batch.number, int(self._lease_s * 1000))
        except GenerationOver:
            held = False
        if held:
            self._leased_at = asked
        else:
            self._halt = True

    def _settle(self) -> None:
        outcomes = []
        while self._outcomes:
            outcomes.append(self._outcomes.popleft())
        if not outcomes:
            return
        doubted = self._queue.settle(self._batch.number, outcomes)
        self._clear_repeats(outcomes, doubted)
        self.ends.update(type(outcome).__name__.lower() for outcome in outcomes)
        self.provenance.measure(outcomes, doubted)
        self._store.outcomes(self._writing.stream.name).note(outcomes, doubted, self._tried)
        if doubted:
            # Somebody else may hold the rest by now. If only an answer of Redis was lost, the rest is given back.
            self._halt = True
            log.warning(
                "Outcomes came after their lease had run out; the records will be looked at again.",
                action="outcomes_doubted",
                records=len(doubted),
            )

    def _clear_repeats(self, outcomes: Sequence[Outcome], doubted: set[str]) -> None:
        """What was replayed is settled. One that was refused is still to be repeated when it is retried."""
        repeats = self._sorting.repeats
        if not repeats:
            return
        # Nothing of a replay is found unchanged: that is one that was passed over for a newer version.
        ended = [
            one.id
            for one in outcomes
            if isinstance(one, Written | Filtered) or (isinstance(one, Unchanged) and _is_gone(one))
        ]
        self._store.repeats(self._writing.stream.name).clear(repeats.intersection(ended) - doubted)


def _is_gone(unchanged: Unchanged) -> bool:
    """Whether it was deleted already."""
    return unchanged.entry is not None and unchanged.entry.standing is Standing.DELETED
