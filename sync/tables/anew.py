"""Records that are asked for once more right before they are written: what waits of them may not be how they are."""

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import NamedTuple, Protocol, TypeVar

from connectors.dynamics import MOST_LINKED
from connectors.dynamics_pages import Row
from store.ledger import Entry
from store.record_queue import Again, Filtered, Leased, Outcome, Unchanged
from sync.deciding import counts_anyway
from sync.streams import DELETED, FILTERED_OUT, FOLLOWS, PARENT_LEFT, Allowance, Records, kind_of
from sync.tables.fetched import as_it_is
from sync.tables.following import Family

T = TypeVar("T")

#: How soon Dynamics is asked again that did not answer. Milliseconds.
ASK_AGAIN_MS = 5000


class Ask(Protocol):
    def __call__(self, question: Callable[[], T]) -> T | None:
        """The answer of Dynamics; None if there is none for now."""


class AsTheyAre(NamedTuple):
    records: list[Leased]  #: as they are now
    outcomes: list[Outcome]  #: of the others


@dataclass(frozen=True, slots=True)
class Anew:
    table: Records
    family: Family
    ask: Ask
    allowance: Allowance
    seconds: float  #: after which no further part of them is asked for
    answered: set[str] = field(default_factory=set)  #: those that Dynamics has answered for

    def outdated(self, records: list[Leased]) -> AsTheyAre:
        """What was read under another mapping, or is to leave with a parent that stays."""
        unfounded = self.family.unfounded(records)
        outdated = {record.id for record in records if self.table.is_outdated(record.payload)}
        return self._read(records, outdated | unfounded, unfounded)

    def overtaken(
        self, records: list[Leased], entries: Sequence[Entry | None], repeats: Collection[str]
    ) -> AsTheyAre | None:
        """Those that count although the ledger has a newer version; None if there are none. `repeats`: what is
        replayed."""
        newer = {
            record.id: entry.version
            for record, entry in zip(records, entries, strict=True)
            if entry is not None and entry.version > record.version and counts_anyway(record, record.id in repeats)
        }
        if not newer:
            return None
        # What follows is asked for right before it is sent.
        again = {record.id for record in records if record.id in newer and not record.payload.startswith(FOLLOWS)}
        found = self._read(records, again, ())
        # No newer than what is known: whatever is read from now on counts more. A deletion is newer than the row that
        # it ends, and older than one that is restored.
        known = [
            record._replace(version=newer[record.id] | (kind_of(record.payload) == DELETED))
            if record.id in newer
            else record
            for record in found.records
        ]
        return AsTheyAre(known, found.outcomes)

    def following(self, records: list[Leased]) -> AsTheyAre:
        """What follows its parent, right before it is sent.

        It was fetched past reading: it may have been deleted before it was queued, and that may have been read, and
        passed over, while nobody knew of it.
        """
        again = {record.id for record in records} - self.answered
        return self._read(records, again, again)

    def _read(self, records: list[Leased], again: Collection[str], following: Collection[str]) -> AsTheyAre:
        """These with what `again` names as it is now, of which `following` are written whatever the ledger says."""
        rows = self._rows(again)
        fresh = AsTheyAre([], [])
        for record in records:
            if record.id not in again:
                fresh.records.append(record)
            elif record.id not in rows:
                fresh.outcomes.append(Again(record.id, ASK_AGAIN_MS, counts=False))
            else:
                match self._now(record, rows[record.id], record.id in following):
                    case Leased() as now:
                        fresh.records.append(now)
                    case outcome:
                        fresh.outcomes.append(outcome)
        return fresh

    def _now(self, record: Leased, row: Row | None, follows: bool) -> Leased | Outcome:
        """A record as it is, or its outcome where reading brings, too, that it is gone, is back, or does not match."""
        kind = kind_of(record.payload)
        if kind == DELETED:
            return record if row is None else Unchanged(record.id, None)
        if row is None:
            return Filtered(record.id)
        payload = self.table.payload(row)
        if payload is not FILTERED_OUT:
            follows = follows or record.payload.startswith(FOLLOWS)
            return record._replace(payload=(FOLLOWS if follows else b"") + as_it_is(row, payload))
        # What was to leave with its parent may have taken the place of what reading had brought.
        return record._replace(payload=FILTERED_OUT) if kind == PARENT_LEFT else Filtered(record.id)

    def _rows(self, record_ids: Collection[str]) -> dict[str, Row | None]:
        """How these are now, None where one is not there; of those only that Dynamics has answered for in time, a part
        of them at least: with all or nothing, a slow Dynamics would keep a batch from ever being written."""
        found: dict[str, Row | None] = {}
        ends = monotonic() + self.seconds
        # By chance: where there is time for some only, none of them is always the last.
        ids = random.sample(sorted(record_ids), len(record_ids))
        for start in range(0, len(ids), MOST_LINKED):
            part = ids[start : start + MOST_LINKED]
            if start and monotonic() > ends:
                break
            rows = self.ask(partial(self.table.rows, part, self.allowance))
            if rows is None:
                break
            found |= {record_id: rows.get(record_id) for record_id in part}
        self.answered.update(found)
        return found
