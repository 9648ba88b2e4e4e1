"""What the two steps need to know of a stream: where it reads, where it writes. They know no workflow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from connectors.dynamics_pages import Page, Row
from store.ledger import Entry
from store.record_queue import Leased, Outcome, Parent

#: What stands on the queue in place of a record that was deleted, and of one that the filter does not let travel.
DELETED, FILTERED_OUT = b"null", b"false"


class Source(Protocol):
    mapping: str  #: stands for what is read and where it is written; when it changes, everything is read again
    pair: str  #: stands for where it is written; when it changes, nothing is known of the target
    wants_deletions: bool
    deletes_filtered_out: bool  #: whether a record that no longer travels is deleted in the target

    def count(self) -> int | None:
        """How many records a full read will bring, if the source tells."""

    def first_page(self, timeout: float) -> Page:
        """Begins a full read."""

    def follow(self, link: str, timeout: float) -> Page:
        """The page behind a link; raises CursorExpired if only a full read leads on."""

    def follow_deletions(self, link: str, timeout: float) -> Page:
        """The page behind a link that was made under another mapping; only its deletions are of use."""

    def payload(self, row: Row) -> bytes:
        """A row as it waits on the queue: FILTERED_OUT if the filter does not let it travel. May use up its values."""

    def row(self, record_id: str, timeout: float) -> Row | None:
        """One record as it is now; None if it is not there."""

    def existing(self, record_ids: Sequence[str], timeout: float) -> set[str]:
        """Which of these records are there now."""


@dataclass(frozen=True, slots=True)
class Send:
    """A record that must be written: what to send, and what the ledger will say once it is confirmed."""

    record: Leased
    update: dict[str, object] | None  #: for a record that the target holds; None deletes it
    insert: dict[str, object] | None  #: for one that it does not hold
    entry: Entry
    known: bool  #: the ledger knows that the target holds it
    parents: tuple[Parent, ...] = ()  #: that the target must hold first


class Calls(NamedTuple):
    """Requests that a target has taken."""

    inserts: int = 0
    updates: int = 0
    deletes: int = 0
    lookups: int = 0


#: Asked before every request: the seconds that it may take. Raises LeaseEnding when nothing may be sent any more.
Allowance = Callable[[], float]


class Target(Protocol):
    concurrency: int

    def prepare(self, record: Leased, entry: Entry | None) -> Send | Outcome:
        """Decides without any request: what to send, or the outcome where nothing needs to be sent."""

    def send(self, send: Send, allowance: Allowance) -> None:
        """Writes one record with as few requests as can be. Raises ConnectorError."""

    def take_calls(self) -> Calls:
        """The requests since the last time it was asked."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One table of one workflow.

    A child's record links to a parent's: it is written after it, and deleted before it.
    """

    name: str
    source: Source
    target: Target
    parents: tuple[str, ...] = ()  #: streams that records of this one link to
    children: tuple[str, ...] = ()  #: streams whose records link to this one, itself left out
    park_limit_s: float = 900.0  #: how long a record waits for its relatives
    replayed_ms: int = 0  #: when its last replay began; 0: never


Streams = Mapping[str, Stream]
"""All streams of one workflow, by name."""


@dataclass(frozen=True, slots=True)
class Slice:
    """How long a step may work, and whether it should end early because the process shuts down."""

    seconds: float
    stopping: Callable[[], bool]
