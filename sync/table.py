"""What reading needs of a table of Dynamics."""

from typing import Protocol

from connectors.dynamics_pages import Page
from sync.streams import Records


class Table(Records, Protocol):
    """A table of Dynamics as it is read."""

    mapping: str  #: stands for what is read and where it is written; when it changes, everything is read again
    pair: str  #: stands for where it is written; when it changes, nothing is known of the target
    wants_deletions: bool

    def count(self) -> int | None:
        """How many records a full read will bring, if the source tells."""

    def first_page(self, timeout: float) -> Page:
        """Begins a full read."""

    def follow(self, link: str, timeout: float) -> Page:
        """The page behind a link; raises CursorExpired if only a full read leads on."""

    def follow_deletions(self, link: str, timeout: float) -> Page:
        """The page behind a link that was made under another mapping; only its deletions are of use."""
