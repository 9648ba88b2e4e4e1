"""What reading needs of a table of Dynamics."""

from collections.abc import Callable, Sequence
from typing import Protocol

from connectors.dynamics_pages import Page, Row
from store.replays import Only
from sync.streams import Records

Test = Callable[[Row], bool]
"""Whether a row is one of those that were asked for."""


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

    def test_of(self, where: Sequence[str]) -> Test:
        """Whether conditions, as they were written, hold all together for a row that `scan` or `picked` has brought for
        them; it takes what only they need out of the row. Raises Unfit where one does not fit its column."""

    def scan(self, only: Only, link: str, page_size: int, timeout: float) -> Page:
        """A page of the records within the window, without change tracking; conditions and ids are not looked at."""

    def picked(self, ids: Sequence[str], timeout: float) -> list[Row]:
        """Those of these records that are there. `timeout` is for each question."""

    @property
    def page_size(self) -> int:
        """Rows of a page."""
