"""What reading consent needs of each of its sources: pages of what was told about contacts, and the position after."""

from typing import NamedTuple, Protocol

from sync.consent.states import ContactState, ProfileState

#: Later than any moment.
FOR_EVER_MS = 1 << 53


class Unusable(NamedTuple):
    """A row of a file, or a profile, that says nothing about any contact."""

    id: str  #: stands for the row, the same each time it is read
    where: str  #: such as "optout_20261101.csv line 17 (5d41402a)"
    flaw: str  #: why it cannot be used: a sentence without values
    excerpt: str  #: its first characters, at most 1,000


class Told(NamedTuple):
    id: str  #: of the contact, in lower case
    state: ProfileState | ContactState | Unusable


class ConsentPage(NamedTuple):
    told: list[Told]  #: about each contact once
    behind: str  #: the position after this page
    more: bool  #: whether another page is to be asked for at once
    wait: float = 0.0  #: else: seconds after which there may be more
    left_out: int = 0  #: what was read and concerns no contact
    keyless: tuple[int, ...] = ()  #: digests of those of them that have opted out, and have no key to be found by
    notice: str = ""  #: what operators must know: a sentence
    whole: bool = False  #: whether everybody is read, not only what has changed
    #: Whom nobody has looked at since then, by our clock, is to be looked at, known or not; 0: only whom it is news of.
    anew_ms: int = 0
    idle: bool = False  #: whether nothing was read, and the position is as good as the one before


class ConsentPart(Protocol):
    """One of the sources."""

    place: str  #: stands for where it is read; another one has positions of its own
    is_file: bool  #: whether what it tells was written down some time ago, and something newer may be known

    def beginning(self, since_ms: int | None) -> str:
        """Where the very first reading begins; with a time, where one begins that is to bring everything since then."""

    def fetch(self, position: str, timeout: float, most: int | None = None) -> ConsentPage:
        """The page behind a position, which tells of no more than `most` contacts, where the size of a page is for us
        to say: that of a file is not. Raises ConnectorError."""
