"""What reading needs of a journal or a folder of files: pages of records, and the position after each."""

from typing import NamedTuple, Protocol


class RawRecord(NamedTuple):
    """One record as its source has it: an event of a journal, a row of a file."""

    value: dict[str, object] | None  #: None: it cannot be read
    where: str = ""  #: of an unreadable one: stable and unique, such as "clicks_20261101.txt line 17 (5d41402a)"
    flaw: str = ""  #: why it cannot be read: a sentence without values
    excerpt: str = ""  #: its first characters, at most 1,000
    file: str = ""  #: of a row of a file, and of a whole file that cannot be read: its name
    line: int = 0  #: the first one on which the row stands there; 0 for a whole file
    position: str = ""  #: of an event of a journal: where it stands there, if that is told


class RawPage(NamedTuple):
    records: list[RawRecord]
    behind: str  #: the position after this page
    more: bool  #: whether another page is to be asked for at once, even before this one is stored
    wait: float = 0.0  #: else: seconds after which there may be more
    missed: str = ""  #: what operators must know: a sentence about records that are lost to this reader


class RawSource(Protocol):
    def beginning(self, since_ms: int | None) -> str:
        """Where the very first reading begins; with a time, where one begins that brings all records since then."""

    def fetch(self, position: str, timeout: float) -> RawPage:
        """The page behind a position. Raises TryAgain, Stop."""
