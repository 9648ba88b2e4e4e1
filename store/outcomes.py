"""What a writer says of a record it holds. `settle` turns each into one letter and two arguments of its script."""

from dataclasses import dataclass

from store.ledger import Entry


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a record was refused. Never holds field values."""

    kind: str  #: class of the error, stable, for grouping
    sentence: str
    system: str = ""
    place: str = ""  #: where the record was read, such as a file and its line; empty if that is not known


@dataclass(frozen=True, slots=True)
class Parent:
    """The record that another one must not precede. Stream names hold no space."""

    stream: str  #: of the same workflow; may be the child's own
    id: str


@dataclass(frozen=True, slots=True)
class Written:
    id: str
    entry: Entry | None  #: None: the ledger remembers nothing of it
    inserted: bool = False  #: the target did not hold it


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Nothing was written: the target holds this version, or a newer one, already."""

    id: str
    entry: Entry | None  #: None: the ledger remembers nothing of it


@dataclass(frozen=True, slots=True)
class Again:
    id: str
    wait_ms: int
    counts: bool
    cause: str = ""  #: class of the error, as of a Reason; empty: none, it is too early
    status: int = 0  #: of the HTTP answer; 0: there was none, or it is not known


@dataclass(frozen=True, slots=True)
class Refused:
    id: str
    reason: Reason
    status: int = 0  #: of the HTTP answer; 0: there was none, or it is not known


@dataclass(frozen=True, slots=True)
class Unsent:
    """Given back untouched."""

    id: str


@dataclass(frozen=True, slots=True)
class Parked:
    """Nothing was sent: the record waits, apart from the others, until its parent is confirmed as present."""

    id: str
    parent: Parent
    released: bool = True  #: whether the parent's confirmation in this workflow ends the wait; else who looks after it


@dataclass(frozen=True, slots=True)
class Filtered:
    """Nothing was sent and nothing is remembered: the mapping's filter keeps this record from travelling."""

    id: str


Outcome = Written | Unchanged | Again | Refused | Unsent | Parked | Filtered
