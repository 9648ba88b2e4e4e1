"""What reading needs of a source of events: pages, and the position after each."""

from typing import NamedTuple, Protocol


class RawEvent(NamedTuple):
    """One event as its source has it."""

    value: dict[str, object] | None  #: None: it cannot be read
    where: str = ""  #: of an unreadable one: stable and unique, such as "clicks_20261101.txt line 17 (5d41402a)"
    flaw: str = ""  #: why it cannot be read: a sentence without values
    excerpt: str = ""  #: its first characters, at most 1,000


class EventPage(NamedTuple):
    events: list[RawEvent]
    behind: str  #: the position after this page
    more: bool  #: whether another page is to be asked for at once, even before this one is stored
    wait: float = 0.0  #: else: seconds after which there may be more
    missed: str = ""  #: what operators must know: a sentence about events that are lost to this reader


class EventSource(Protocol):
    def beginning(self, since_ms: int | None) -> str:
        """Where the very first reading begins; with a time, where one begins that is to bring all events since then."""

    def fetch(self, position: str, timeout: float) -> EventPage:
        """The page behind a position. Raises TryAgain, Stop."""
