"""What a rehearsal amounts to: counts, some examples of each, requests and engine calls, and how long they take."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from config.ingress import TableMapping

#: Examples that are kept of each outcome, and different reasons that are counted.
EXAMPLES, MOST_REASONS = 3, 20
#: Told now and then how many records have been looked at, and of how many: 0 if that is not known.
Look = Callable[[int, int], object]


class Fate(StrEnum):
    """What would become of a record."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    UNCHANGED = "unchanged"  # Campaign holds it as it is
    FILTERED = "filtered"  # the filter keeps it back
    WAITS = "waits"  # for a parent that would not be in Campaign
    INVALID = "invalid"  # it would be set aside


#: Engine calls of the vendor's licence: docs of Campaign Standard count an update as two.
_ENGINE_CALLS = {Fate.CREATE: 1, Fate.UPDATE: 2, Fate.DELETE: 1}


@dataclass
class Looked:
    """A sample looked up in Campaign."""

    records: int = 0
    there: int = 0  #: of these, those that Campaign has
    doubles: int = 0  #: those that it has more than once
    fields: Counter[str] = field(default_factory=Counter)  #: of those there: fields with other values


@dataclass
class Tally:
    """Of one table."""

    table: str
    resource: str
    reads: str  #: what would be read: "everything", "what has changed since 2026-11-20 00:00 UTC", ...
    rows: int = 0  #: records looked at
    expected: int | None = None  #: how many there are, as far as Dynamics tells
    is_whole: bool = True  #: False: only the first records were looked at
    waiting: int = 0  #: records on the queue already
    queued: int = 0  #: those of them that were looked at beside what is read
    fates: Counter[Fate] = field(default_factory=Counter)
    examples: dict[Fate, list[str]] = field(default_factory=dict)  #: ids
    reasons: Counter[str] = field(default_factory=Counter)  #: why records would be set aside, or wait
    notes: list[str] = field(default_factory=list)  #: sentences
    looked: Looked | None = None  #: None: Campaign was not asked
    requests: int = 0  #: to Campaign, at most
    calls_engine: bool = True  #: whether Campaign is written to, and counts it

    def count(self, fate: Fate, record_id: str, reason: str = "") -> None:
        self.fates[fate] += 1
        examples = self.examples.setdefault(fate, [])
        if len(examples) < EXAMPLES:
            examples.append(record_id)
        if reason and (reason in self.reasons or len(self.reasons) < MOST_REASONS):
            self.reasons[reason] += 1

    @property
    def engine_calls(self) -> int:
        return self.calls_engine * sum(calls * self.fates[fate] for fate, calls in _ENGINE_CALLS.items())


def requests_of(mapping: TableMapping, fate: Fate, references: int) -> int:
    """Requests that one record takes, at most; `references`: links by PKey. See sync/resource_target.py."""
    found = 1 if mapping.key.address == "uri" else 2
    match fate:
        case Fate.CREATE:
            return (1 if mapping.key.unique else 2) + references
        case Fate.UPDATE:
            return found + references
        case Fate.DELETE:
            return found
    return 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long the writing would take."""

    seconds: float
    basis: str  #: on what that rests: words behind "at"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    tallies: tuple[Tally, ...]
    estimate: Estimate | None  #: None: nothing would be written

    @property
    def engine_calls(self) -> int:
        return sum(tally.engine_calls for tally in self.tallies)

    @property
    def requests(self) -> int:
        return sum(tally.requests for tally in self.tallies)
