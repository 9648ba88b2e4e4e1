"""What the two steps need to know of a stream: where it reads, where it writes. They know no workflow."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

import orjson

from connectors.dynamics_pages import Row
from store.ledger import Entry
from store.record_queue import Leased, Outcome, Parent
from store.store import WorkflowStore

if TYPE_CHECKING:
    from sync.batch_writer import Writing

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


def in_version(version: int, payload: bytes) -> bytes:
    """What `read_under` made, of values that are newer than their record on the queue; `version` is theirs."""
    mapping, _, values = payload.partition(b" ")
    return b"%b>%d %b" % (mapping, version, values)


def _stamp_of(payload: bytes) -> bytes:
    """What stands before a record's values; they are not copied for it."""
    stamped = payload.removeprefix(FOLLOWS)
    return stamped[1 : stamped.index(b" ")] if stamped.startswith(b"@") else b""


def mapping_of(payload: bytes) -> str | None:
    """The mapping under which a payload was read; None if it does not tell."""
    if kind := kind_of(payload):
        words = words_of(payload)
        return words[1] if kind == FILTERED_OUT and len(words) > 1 else None
    return _stamp_of(payload).partition(b">")[0].decode() or None


def version_of(payload: bytes) -> int:
    """The version of a record's values, if they are newer than the record on the queue; else 0."""
    return int(_stamp_of(payload).partition(b">")[2] or 0)


def values_of(payload: bytes) -> dict[str, object]:
    """A record's values by column."""
    stamped = payload.removeprefix(FOLLOWS)
    values: dict[str, object] = orjson.loads(stamped.partition(b" ")[2] if stamped.startswith(b"@") else stamped)
    return values


def words_of(payload: bytes) -> list[str]:
    """What follows the kind."""
    return payload.decode().split()[1:]


class ReadEnd(StrEnum):
    CAUGHT_UP = "caught-up"  # the source has no more for now
    SLICE_OVER = "slice-over"  # more pages wait
    HELD = "held"  # another reader is at it
    FULL = "full"  # the backlog is at its high-water mark
    WAITING = "waiting"  # the source is in trouble
    STOPPED = "stopped"  # the generation is over, or the process shuts down


@dataclass(frozen=True, slots=True)
class Slice:
    """How long a step may work, and whether it should end early because the process shuts down."""

    seconds: float
    stopping: Callable[[], bool]


class Reader(Protocol):
    """Reads one stream for a slice of time."""

    def read_page(self) -> ReadEnd | None:
        """Reads and stores one page; None if another is to follow at once.

        Raises GenerationOver, CursorMoved, QueueFull, TryAgain, Stop.
        """

    def close(self) -> None:
        """Leaves what is on its way."""


class Source(Protocol):
    def reader(self, stream: "Stream", store: WorkflowStore, generation: int, piece: Slice) -> Reader:
        """Who reads the stream for a slice."""

    def may_write(self, cursor: str) -> bool:
        """Whether what was read may be written, given the stream's reading position."""


class LinkedPage(NamedTuple):
    """Some of the records that link to others of another table."""

    rows: list[tuple[str, Row]]  #: each with the id that it links to
    behind: str  #: the place where the next page begins; empty: there is none
    whole: bool  #: whether that is another link's; else more of them link by the same one


class Records(Protocol):
    """Single records of a table, asked for apart from reading."""

    deletes_filtered_out: bool  #: whether a record that no longer travels is deleted in the target

    def payload(self, row: Row) -> bytes:
        """A row as it waits on the queue: FILTERED_OUT if the filter does not let it travel. May use up its values."""

    def is_outdated(self, payload: bytes) -> bool:
        """Whether it was read under another mapping: other columns, another filter."""

    def row(self, record_id: str, timeout: float) -> Row | None:
        """One record as it is now; None if it is not there."""

    def rows(self, record_ids: Sequence[str], allowance: "Allowance") -> dict[str, Row]:
        """Records as they are now, those that are there, however many are asked for."""

    def linked_page(
        self, table: str, record_ids: Sequence[str], required: bool, place: str, allowance: "Allowance"
    ) -> LinkedPage:
        """Those that link to one of these records, MOST_LINKED at most, of another table, from a place on that an
        earlier page has told, for the same ones or more; "" begins. `required`: only by links that must lead somewhere.

        One that links to them twice may come twice. Raises CursorExpired where a place is not known any more.
        """

    def existing(self, record_ids: Sequence[str], allowance: "Allowance") -> set[str]:
        """Which of these records, however many, are there now."""


class Link(NamedTuple):
    """A parent that the target must hold first, and where its record leads to it."""

    parent: Parent
    field: str
    empty: object  #: what the field takes in place of a parent
    required: bool


@dataclass(slots=True)
class Send:
    """A record that must be written: what to send, and what the ledger will say once it is confirmed.

    Nobody changes one. It is not frozen because one is made for every record, and that takes three times as long.
    """

    record: Leased
    update: dict[str, object] | None  #: for a record that the target holds; None deletes it
    insert: dict[str, object] | None  #: for one that it does not hold
    entry: Entry | None  #: None: nothing is remembered of it
    known: bool  #: the ledger knows that the target holds it
    links: tuple[Link, ...] = ()
    returns: bool = False  #: the target held it once and held it no more
    changed_ms: int | None = None  #: when the change happened, where the record itself tells
    opt_outs: tuple[tuple[str, int], ...] = ()  #: those that it brings: each a measure of `Freshness`, and since when

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
        entry = self.entry and self.entry._replace(fingerprint=bytes(8) + self.entry.fingerprint[8:])
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


#: What a target says of one record: whether it was inserted, what is to become of it, or why it failed.
Answer = bool | Outcome | Exception


class Target(Protocol):
    concurrency: int  #: requests under way at once
    remembers: bool  #: whether the ledger keeps what was confirmed

    @property
    def together(self) -> int:
        """Records that one request carries at most, for now."""

    def prepare(self, record: Leased, entry: Entry | None) -> Send | Outcome:
        """Decides without any request: what to send, or the outcome where nothing needs to be sent."""

    def send(self, sends: Sequence[Send], allowance: Allowance) -> Sequence[Answer]:
        """Writes these records, at most `together`, with as few requests as can be; an answer for each.

        Raises what concerns all of them: ConnectorError, and what `allowance` raises.
        """

    def take_calls(self) -> Calls:
        """The requests since the last time it was asked."""


class NextLook(StrEnum):
    """When a stream's load that is under way is to be looked at again."""

    NONE = "none"  # none is under way
    SOON = "soon"
    LATER = "later"  # trouble with it is waited out


class Loader(Protocol):
    """Has large numbers of new records travel together; the step writes the others one by one meanwhile."""

    def look(self, store: WorkflowStore, generation: int, stopping: Callable[[], bool]) -> NextLook:
        """Goes on with the load that is under way; whether there still is one, and how soon it is to be
        looked at again. Raises what Redis fails with alone."""

    def is_near(self, store: WorkflowStore, generation: int) -> bool:
        """While none is under way: whether a load may be begun within seconds."""

    def collect(self, writing: "Writing") -> bool:
        """While none is under way: begins a load if enough waits; whether one is under way then. Raises Stop."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One table of one workflow, or its events.

    A child's record links to a parent's: it is written after it, and deleted before it.
    """

    name: str
    source: Source
    target: Target
    records: Records | None = None  #: where single records can be asked for
    keeper: "MakeKeeper | None" = None  #: who looks after parked records
    loader: Loader | None = None  #: who makes files of many records
    parents: tuple[str, ...] = ()  #: streams that records of this one link to
    requires: tuple[str, ...] = ()  #: those of the parents without which no record can be in the target
    children: tuple[str, ...] = ()  #: streams whose records link to this one, itself left out
    park_limit_s: float = 900.0  #: how long a record waits for its relatives
    place_of: Callable[[bytes], str] = lambda payload: ""  #: where a payload was read, as far as it tells

    @property
    def table(self) -> Records:
        """The records of a stream that is a table, as all are that have relatives."""
        assert self.records is not None, f"{self.name} is no table"
        return self.records


Streams = Mapping[str, Stream]
"""All streams of one workflow, by name."""


class Keeper(Protocol):
    """Looks after parked records: those whose parent does not come by itself."""

    def look_after(self, is_over: Callable[[], bool]) -> None:
        """Ends early between two questions once `is_over`. Raises TryAgain, Refused, Stop, GenerationOver."""


MakeKeeper = Callable[[Stream, Streams, WorkflowStore, int], Keeper]
"""With the number of the generation."""
