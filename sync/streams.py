"""What the two steps need to know of a stream: where it reads, where it writes. They know no workflow."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import orjson

from connectors.dynamics_pages import Page, Row
from store.ledger import Entry
from store.record_queue import Leased, Outcome, Parent

#: What stands on the queue in place of a record that was deleted, of one that the filter does not let travel, and of
#: one that cannot stay in the target because its parent leaves it. Each may be followed by words, see below.
DELETED, FILTERED_OUT, PARENT_LEFT = b"null", b"false", b"parent-left"
_KINDS = (DELETED, FILTERED_OUT, PARENT_LEFT)
#: Before the values of a record that is to be written whatever the ledger says: its parent has come back.
FOLLOWS = b"!"


def leaving(kind: bytes, read_ms: int, mapping: str = "") -> bytes:
    """A record that goes, with the time when that was read: what waited before may have been queued much earlier."""
    return b"%b %d %b" % (kind, read_ms, mapping.encode())


def parent_left(parent: Parent) -> bytes:
    return b"%b %b %b" % (PARENT_LEFT, parent.stream.encode(), parent.id.encode())


def kind_of(payload: bytes) -> bytes:
    """DELETED, FILTERED_OUT, PARENT_LEFT, or nothing for the values of a record."""
    # Values, which most payloads are, are told apart without being copied.
    return payload.partition(b" ")[0] if payload.startswith(_KINDS) else b""


def read_under(mapping: str, values: bytes) -> bytes:
    """A record's values, a JSON object, with the mapping under which they were read."""
    return b"@%b %b" % (mapping.encode(), values)


def mapping_of(payload: bytes) -> str | None:
    """The mapping under which a payload was read; None if it does not tell."""
    if kind := kind_of(payload):
        words = words_of(payload)
        return words[1] if kind == FILTERED_OUT and len(words) > 1 else None
    stamped = payload.removeprefix(FOLLOWS)
    return stamped[1:].partition(b" ")[0].decode() if stamped.startswith(b"@") else None


def values_of(payload: bytes) -> dict[str, object]:
    """A record's values by column."""
    stamped = payload.removeprefix(FOLLOWS)
    values: dict[str, object] = orjson.loads(stamped.partition(b" ")[2] if stamped.startswith(b"@") else stamped)
    return values


def words_of(payload: bytes) -> list[str]:
    """What follows the kind."""
    return payload.decode().split()[1:]


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

    def is_outdated(self, payload: bytes) -> bool:
        """Whether it was read under another mapping: other columns, another filter."""

    def rows(self, record_ids: Sequence[str], allowance: "Allowance") -> dict[str, Row]:
        """Records as they are now, those that are there, however many are asked for."""

    def linked(
        self, table: str, record_ids: Sequence[str], required: bool, allowance: "Allowance"
    ) -> Iterable[tuple[str, Row]]:
        """Records that link to one of these, however many, of another table; each with the id that it links to.

        `required`: only by links that must lead somewhere.
        """

    def existing(self, record_ids: Sequence[str], allowance: "Allowance") -> set[str]:
        """Which of these records, however many, are there now."""


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
        return self.update is None and kind_of(self.record.payload) != DELETED

    @property
    def follows(self) -> bool:
        """Whether it is written because its parent has come back."""
        return self.record.payload.startswith(FOLLOWS)

    @property
    def read_ms(self) -> int:
        """When it was read that the record goes."""
        words = words_of(self.record.payload)
        return int(words[0]) if words and kind_of(self.record.payload) != PARENT_LEFT else self.record.queued_ms

    def unlinked(self, links: Collection[Link]) -> "Send":
        """The same without these links; the ledger will not take it for the whole."""
        empty = {link.field: link.empty for link in links}
        entry = self.entry._replace(fingerprint=bytes(8) + self.entry.fingerprint[8:])
        update, insert = {**(self.update or {}), **empty}, {**(self.insert or {}), **empty}
        return replace(self, update=update, insert=insert, entry=entry)


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
