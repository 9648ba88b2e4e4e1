"""A batch before anything of it is sent: what need not be sent, or has to wait, has its outcome; the rest is sent now.

Nothing is sent to the target here. Redis is asked, and Dynamics: how records are now that may not be as they wait, and
for the children of those that leave.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from connectors.uptime import uptime
from store.ledger import Entry
from store.record_queue import Again, Batch, Leased, Outcome, Parent, Parked
from sync.deciding import decision_on
from sync.streams import Allowance, Send
from sync.tables.anew import Anew, Ask, AsTheyAre
from sync.tables.deletions import Departures
from sync.tables.following import Course, Family
from sync.tables.relatives import DELETION_WAIT_MS, awaiting_parents

if TYPE_CHECKING:
    from sync.batch_writer import Writing

#: How long a batch asks for the children of those that leave, a page at least, before its other records go on. Seconds.
CHILDREN_SECONDS = 1.0
#: The part of a lease in which a batch asks how some of its records are now, a part of them at least.
ASK_WITHIN = 0.2


class Hold(NamedTuple):
    """What the writer of a batch lends to whoever sorts it out."""

    allowance: Allowance
    keep_lease: Callable[[], object]
    ask: Ask
    failed: Callable[[Leased, Exception], Outcome]  #: what becomes of a record that we cannot digest
    let_go: Callable[[], None]  #: the lease is gone


class Sorted(NamedTuple):
    todo: list[Send]
    outcomes: list[Outcome]  #: of the others


class Sorting:
    """Sorts one batch out, once."""

    def __init__(self, writing: "Writing", batch: Batch, family: Family, hold: Hold) -> None:
        self.returned: set[str] = set()  #: records whose children have to follow them
        self.repeats: set[str] = set()  #: records that are replayed
        self.new: set[str] = set()  #: records that the ledger did not know
        self._writing = writing
        self._batch = batch
        self._family = family
        self._hold = hold
        self._target = writing.stream.target
        self._queue = writing.store.queue(writing.stream.name)
        self._todo: list[Send] = []
        self._outcomes: list[Outcome] = []
        self._missing: dict[str, Parent] = {}  # by record, the parent that it waits for
        self._unanswered: set[str] = set()  # those that Dynamics had no answer for
        table = writing.stream.records
        within = ASK_WITHIN * writing.lease_s
        self._anew = Anew(table, family, hold.ask, hold.allowance, within) if table is not None else None

    def sort(self) -> Sorted:
        records = self._batch.records
        if self._target.remembers:
            # Before the ledger is read: what was marked by then is written after it was marked.
            marks = self._writing.store.repeats(self._writing.stream.name)
            self.repeats = marks.among([record.id for record in records])
        if self._anew is not None:
            records = self._as_they_are_now(self._anew.outdated(records))
        entries = self._entries(records)
        if self._anew and (overtaken := self._anew.overtaken(records, entries, self.repeats)):
            records = self._as_they_are_now(overtaken)
            entries = self._entries(records)
        self._wait_for_relatives(self._decided(records, entries))
        self._announce(self._todo)
        return Sorted(self._todo, self._outcomes)

    def _decided(self, records: Sequence[Leased], entries: Sequence[Entry | None]) -> list[Send]:
        """What is to be sent of these; the others have their outcome."""
        sends: list[Send] = []
        for record, entry in zip(records, entries, strict=True):
            if entry is None and self._target.remembers:
                self.new.add(record.id)
            try:
                decision = decision_on(self._target, record, entry, record.id in self.repeats)
            except Exception as error:  # a record that we cannot digest must not stop the others
                self._outcomes.append(self._hold.failed(record, error))
                continue
            if isinstance(decision, Send):
                sends.append(decision)
            else:
                self._outcomes.append(decision)
        return sends

    def _entries(self, records: Sequence[Leased]) -> Sequence[Entry | None]:
        if not self._target.remembers:
            return [None] * len(records)
        return self._queue.ledger.entries([record.id for record in records])

    def _as_they_are_now(self, found: AsTheyAre) -> list[Leased]:
        self._hold.keep_lease()
        self._outcomes.extend(found.outcomes)
        self._unanswered.update(outcome.id for outcome in found.outcomes if isinstance(outcome, Again))
        return found.records

    def _wait_for_relatives(self, sends: list[Send]) -> None:
        """A child waits for its parents, a parent that goes for its children; the rest is to be sent."""
        stream = self._writing.stream
        told = self._unanswered | {send.record.id for send in sends if send.update is not None or send.leaves}
        self._family.begin_anew([record.id for record in self._batch.records if record.id not in told])
        if stream.parents:
            sends = self._as_they_follow(self._with_parents(sends))
        if self._family.is_linked_to:
            self.returned = self._family.returned(sends)
        deletions = [send for send in sends if send.update is None]
        if not stream.children or not deletions:
            self._todo.extend(sends)
            return
        there = [send for send in deletions if send.leaves and send.known]
        departures = Departures(stream, self._writing.streams, self._writing.store, self._writing.generation)
        ready = departures.ready(deletions) - self._held_back(Course.LEAVES, there)
        # From here on no child is sent that links to one of these. One that was leased just before may not know it.
        going = [send for send in deletions if send.record.id in ready]
        self._announce(going)
        ready -= self._held_back(Course.GOES, [send for send in going if send.leaves])
        for send in sends:
            if send.update is not None or send.record.id in ready:
                self._todo.append(send)
            else:
                self._outcomes.append(Again(send.record.id, DELETION_WAIT_MS, counts=False))

    def _with_parents(self, sends: list[Send]) -> list[Send]:
        """Those that need not wait for a parent."""
        ready, missing, leaving = awaiting_parents(self._writing.store, sends, self._missing)
        self._missing |= missing
        self._outcomes.extend(Parked(record_id, parent) for record_id, parent in missing.items())
        self._outcomes.extend(Again(record_id, DELETION_WAIT_MS, counts=False) for record_id in leaving)
        return ready

    def _as_they_follow(self, sends: list[Send]) -> list[Send]:
        """These, with those that follow a parent as they are now."""
        following = [send.record for send in sends if send.follows]
        if not following or self._anew is None:
            return sends
        records = self._as_they_are_now(self._anew.following(following))
        others = [send for send in sends if not send.follows]
        return others + self._with_parents(self._decided(records, self._entries(records)))

    def _held_back(self, course: Course, leaving: list[Send]) -> set[str]:
        """Parents that leave the target, but not before their children. The other records wait for the answer."""
        ids = {send.record.id for send in leaving}
        if not ids:
            return set()
        self._hold.keep_lease()
        until = uptime() + CHILDREN_SECONDS
        held = self._hold.ask(
            lambda: self._family.held_back(
                course, ids, self._hold.allowance, lambda: uptime() > until or time.monotonic() > self._writing.ends
            )
        )
        self._hold.keep_lease()
        return ids if held is None else held

    def _announce(self, sends: Iterable[Send]) -> None:
        """Before any request: if its answer is lost, nobody must take for certain what it may have changed."""
        if self._target.remembers:
            unknown = [send.record.id for send in sends if send.update is not None and not send.known]
            known = [send for send in sends if send.known]
            leaving = [send.record.id for send in known if send.update is None]
            changing = [send.record.id for send in known if send.update is not None]
            if self._queue.sending(self._batch.number, unknown, leaving, changing) < 0:
                self._hold.let_go()
