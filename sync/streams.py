"""What the two steps need to know of a stream: where it reads, where it writes. They know no workflow."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from connectors.dynamics_pages import Page
from store.ledger import Entry
from store.record_queue import Leased, Outcome


class Source(Protocol):
    mapping: str  #: stands for what is read and where it is written; when it changes, everything is read again

    def count(self) -> int | None:
        """How many records a full read will bring, if the source tells."""

    def first_page(self, timeout: float) -> Page:
        """Begins a full read."""

    def follow(self, link: str, timeout: float) -> Page:
        """The page behind a link; raises CursorExpired if only a full read leads on."""

    def follow_deletions(self, link: str, timeout: float) -> Page:
        """The page behind a link that was made under another mapping; only its deletions are of use."""

    def wants_deletions(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Send:
    """A record that must be written: what to send, and what the ledger will say once it is confirmed."""

    record: Leased
    body: dict[str, object] | None  #: None deletes
    entry: Entry
    known: bool  #: the ledger knows that the target holds it


#: Asked before every request: the seconds that it may take. Raises LeaseEnding when nothing may be sent any more.
Allowance = Callable[[], float]


class Target(Protocol):
    concurrency: int

    def prepare(self, record: Leased, entry: Entry | None, now_ms: int) -> Send | Outcome:
        """Decides without any request: what to send, or the outcome where nothing needs to be sent."""

    def send(self, send: Send, allowance: Allowance) -> None:
        """Writes one record with as few requests as can be. Raises ConnectorError."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One table of one workflow."""

    name: str
    source: Source
    target: Target


@dataclass(frozen=True, slots=True)
class Slice:
    """How long a step may work, and whether it should end early because the process shuts down."""

    seconds: float
    stopping: Callable[[], bool]
