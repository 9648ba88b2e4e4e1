"""The record queue's nouns: what goes in, what a writer gets, what people look at."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from store.outcomes import Parent, Reason

#: When the lease of a batch ends that an import file holds. Still exact as a score.
NEVER_MS = 2**53 - 1


class Lane(StrEnum):
    """Live records are leased before replayed ones."""

    LIVE = "l"  # a change that just happened
    REPLAY = "r"  # a full read: the first run, a replay


class Change(NamedTuple):
    """One record as it was read."""

    id: str
    version: int
    payload: bytes


class Stored(NamedTuple):
    queued: int  #: records that were not waiting before
    replaced: int  #: waiting records that now carry what was read later
    skipped: int  #: records that wait already, in a newer version or just like this


class Leased(NamedTuple):
    """A record in a writer's hands."""

    id: str
    version: int
    queued_ms: int
    lane: Lane
    payload: bytes
    attempts: int  #: earlier attempts that counted
    deaths: int  #: holders it has outlived


@dataclass(frozen=True, slots=True)
class Batch:
    """Records leased together: one number, one end of the lease. Only who knows the number can settle them."""

    number: int  #: never given twice; 0 if nothing was ready
    records: list[Leased]


@dataclass(frozen=True, slots=True)
class ParkedRecord:
    """A child that waits for its parent."""

    id: str
    parent: Parent
    since_ms: int  #: when it was parked, or armed again; ms since 1970
    queued_ms: int  #: when it was queued


@dataclass(frozen=True, slots=True)
class Backlog:
    waiting: int  #: ready, replayed or delayed
    leased: int
    delayed: int  #: of those waiting: after a failure, until their time comes
    parked: int  #: waiting for their parents, beside those waiting
    dead: int
    oldest_ms: int | None  #: when the longest waiting record, parked ones apart, began to wait; ms since 1970
    lanes_ms: int | None  #: the same of what is next in the lanes, live and replayed: no writer has come to it yet

    @property
    def total(self) -> int:
        return self.waiting + self.leased + self.parked


class Revived(NamedTuple):
    back: list[str]  #: ids of dead letters that wait in their lanes again
    superseded: list[str]  #: ids of those of which only the letter went, since the record waited already


class SetAside(NamedTuple):
    """A dead letter without its record: what is sealed stays so."""

    id: str
    dead_ms: int
    attempts: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record set aside with its reason, whole enough to be sent again."""

    id: str
    version: int
    reason: Reason
    attempts: int
    queued_ms: int
    dead_ms: int
    payload: bytes
