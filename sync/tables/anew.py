"""Records that are asked for once more right before they are written: what waits of them may not be how they are."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import NamedTuple, Protocol, TypeVar

from connectors.dynamics import MOST_LINKED
from connectors.dynamics_pages import Row
from store.ledger import Entry
from store.record_queue import Again, Filtered, Leased, Outcome
from sync.streams import DELETED, FILTERED_OUT, FOLLOWS, Allowance, Records, kind_of
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

    def outdated(self, records: list[Leased]) -> AsTheyAre:
        """What was read under another mapping, what follows its parent, and what is to leave with one that stays.

        What follows was fetched past reading: it may have been deleted before it was queued, and that may have been
        read, and passed over, while nobody knew of it.
        """
        following = self.family.unfounded(records)
        following |= {record.id for record in records if record.payload.startswith(FOLLOWS)}
        outdated = {record.id for record in records if self.table.is_outdated(record.payload)}
        return self._read(records, outdated | following, following)

    def overtaken(
        self, records: list[Leased], entries: Sequence[Entry | None], repeats: Collection[str]
    ) -> AsTheyAre | None:
        """Those of which the ledger has a newer version, and which must not be passed over for that; None if there are
        none: what follows its parent or is replayed, and what is deleted.

        Sent as it waits, it could be older. What is deleted may have been written ahead of reading, and the version of
        a deletion is made up.
        """
        newer = {
            record.id: entry.version
            for record, entry in zip(records, entries, strict=True)
            if entry is not None and entry.version > record.version and _counts(record, record.id in repeats)
        }
        if not newer:
            return None
        # No newer than what is known: whatever is read from now on counts more. What follows was asked for just now.
        known = [record._replace(version=newer.get(record.id, record.version)) for record in records]
        again = {record.id for record in known if record.id in newer and not record.payload.startswith(FOLLOWS)}
        return self._read(known, again, ())

    def _read(self, records: list[Leased], again: Collection[str], following: Collection[str]) -> AsTheyAre:
        """These with what `again` names as it is now, of which `following` are written whatever the ledger says."""
        rows = self._rows(sorted(again))
        fresh = AsTheyAre([], [])
        for record in records:
            if record.id not in again:
                fresh.records.append(record)
            elif record.id not in rows:
                fresh.outcomes.append(Again(record.id, ASK_AGAIN_MS, counts=False))
            elif (row := rows[record.id]) is not None:
                payload = as_it_is(row, self.table.payload(row))
                if record.id in following and payload is not FILTERED_OUT:
                    payload = FOLLOWS + payload
                elif payload is FILTERED_OUT and kind_of(record.payload) == DELETED:
                    payload = record.payload.replace(DELETED, FILTERED_OUT, 1)  # with the time when that was read
                fresh.records.append(record._replace(payload=payload))
            elif kind_of(record.payload) == DELETED:
                # Newer than the row that it ends, older than one that is restored.
                fresh.records.append(record._replace(version=record.version | 1))
            else:
                # It is deleted in Dynamics: reading brings that, too.
                fresh.outcomes.append(Filtered(record.id))
        return fresh

    def _rows(self, record_ids: Sequence[str]) -> dict[str, Row | None]:
        """How these are now, None where one is not there; of those only that Dynamics has answered for in time, a part
        of them at least: with all or nothing, a slow Dynamics would keep a batch from ever being written."""
        found: dict[str, Row | None] = {}
        ends = monotonic() + self.seconds
        for start in range(0, len(record_ids), MOST_LINKED):
            part = record_ids[start : start + MOST_LINKED]
            if start and monotonic() > ends:
                break
            rows = self.ask(partial(self.table.rows, part, self.allowance))
            if rows is None:
                break
            found |= {record_id: rows.get(record_id) for record_id in part}
        return found


def _counts(record: Leased, repeated: bool) -> bool:
    kind = kind_of(record.payload)
    return kind == DELETED or (not kind and (repeated or record.payload.startswith(FOLLOWS)))
