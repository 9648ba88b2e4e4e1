"""Records that are asked for once more right before they are written: what waits of them may not be how they are."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from store.ledger import Entry
from store.record_queue import Again, Filtered, Leased, Outcome
from sync.streams import DELETED, FILTERED_OUT, FOLLOWS, Allowance, Records, kind_of, version_of
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

    def outdated(self, records: list[Leased]) -> AsTheyAre:
        """What was read under another mapping, or is to leave with a parent that stays, is read anew."""
        unfounded = self.family.unfounded(records)
        outdated = {record.id for record in records if self.table.is_outdated(record.payload)}
        return self._read(records, outdated | unfounded, unfounded)

    def overtaken(self, records: list[Leased], entries: Sequence[Entry | None]) -> AsTheyAre | None:
        """What is to follow its parent, or is deleted, although the ledger has a newer version of it; None if there is
        no such record.

        What follows may have been read, and settled as unchanged, while it was fetched. Sent as it is, it could be
        older. What is deleted may have been written ahead of reading, and the version of a deletion is made up.
        """
        newer = {
            record.id: entry.version
            for record, entry in zip(records, entries, strict=True)
            if entry is not None and entry.version > _version(record) and _is_doubtful(record)
        }
        if not newer:
            return None
        # No newer than what is known: whatever is read from now on counts more.
        known = [record._replace(version=newer.get(record.id, record.version)) for record in records]
        following = {record.id for record in records if record.payload.startswith(FOLLOWS)}
        return self._read(known, newer.keys(), following & newer.keys())

    def _read(self, records: list[Leased], again: Collection[str], following: Collection[str]) -> AsTheyAre:
        """These with what `again` names as it is now, of which `following` are written whatever the ledger says."""
        if not again:
            return AsTheyAre(records, [])
        rows = self.ask(lambda: self.table.rows(sorted(again), self.allowance))
        fresh = AsTheyAre([], [])
        for record in records:
            if record.id not in again:
                fresh.records.append(record)
            elif rows is None:
                fresh.outcomes.append(Again(record.id, ASK_AGAIN_MS, counts=False))
            elif record.id not in rows and kind_of(record.payload) == DELETED:
                fresh.records.append(record)
            elif record.id not in rows:
                # It is deleted in Dynamics: reading brings that, too.
                fresh.outcomes.append(Filtered(record.id))
            else:
                payload = as_it_is(rows[record.id], self.table.payload(rows[record.id]))
                follows = record.id in following and payload is not FILTERED_OUT
                fresh.records.append(record._replace(payload=FOLLOWS + payload if follows else payload))
        return fresh


def _version(record: Leased) -> int:
    return max(record.version, version_of(record.payload))


def _is_doubtful(record: Leased) -> bool:
    return record.payload.startswith(FOLLOWS) or kind_of(record.payload) == DELETED
