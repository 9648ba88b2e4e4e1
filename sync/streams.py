"""What the two steps need to know of a stream: where it reads, where it writes. They know no workflow."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from connectors.dynamics_pages import Page, Row
from store.ledger import Entry
from store.record_queue import Leased, Outcome, Parent

#: What stands on the queue in place of a record that was deleted, and of one that the filter does not let travel.
DELETED, FILTERED_OUT = b"null", b"false"
#: In place of a record that cannot stay in the target because its parent leaves it.
PARENT_LEFT = b"0"
#: Before the values of a record that is to be written whatever the ledger says: its parent has come back.
FOLLOWS = b"!"


def deletion_read(at_ms: int) -> bytes:
    """A deletion with the time when it was read: what waited before may have been queued much earlier."""
    return b"%b %d" % (DELETED, at_ms)


def is_deletion(payload: bytes) -> bool:
    """Whether the record was deleted; no values begin like this."""
    return payload.startswith(DELETED)


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

    def linked(
        self, table: str, record_ids: Sequence[str], required: bool, allowance: "Allowance"
    ) -> Iterable[tuple[str, Row]]:
        """Records that link to one of these of another table, each with the id that it links to.

        `required`: only by links that must lead somewhere.
        """

    def existing(self, record_ids: Sequence[str], timeout: float) -> set[str]:
        """Which of these records are there now."""


class Link(NamedTuple):
    """A parent that the target must hold first, and where its record leads to it."""

    parent: Parent
    field: str
    empty: object  #: what the field takes in place of a parent
    required: bool


@dataclass(frozen=True, slots=True)
class Send:
    """A record that must be written: what to send, and what the ledger will say once it is confirmed."""

    record: Leased
    update: dict[str, object] | None  #: for a record that the target holds; None deletes it
    insert: dict[str, object] | None  #: for one that it does not hold
    entry: Entry
    known: bool  #: the ledger knows that the target holds it
    links: tuple[Link, ...] = ()
    returns: bool = False  #: the target held it once and held it no more

    @property
    def leaves(self) -> bool:
        """Whether it is deleted although it is there in Dynamics: nobody will tell of its children."""
        return self.update is None and not is_deletion(self.record.payload)

    @property
    def read_ms(self) -> int:
        """When a deletion was read."""
        told = self.record.payload[len(DELETED) :]
        return int(told) if is_deletion(self.record.payload) and told else self.record.queued_ms

    def unlinked(self, links: Collection[Link]) -> "Send":
        """The same without these links."""
        empty = {link.field: link.empty for link in links}
        return replace(self, update={**(self.update or {}), **empty}, insert={**(self.insert or {}), **empty})


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

    def send(self, send: Send, allowance: Allowance) -> bool:
        """Writes one record with as few requests as can be; whether it was inserted. Raises ConnectorError."""

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
