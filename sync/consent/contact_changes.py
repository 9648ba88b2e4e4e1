"""Contacts of Dynamics whose paired columns may have changed, by change tracking: first all rows, then what changes."""

from collections.abc import Callable
from dataclasses import replace

import structlog

from config.optinout import OptinoutConfig
from connectors.dynamics import Dynamics
from connectors.dynamics_pages import Row
from connectors.errors import CursorExpired
from connectors.moments import dynamics_ms
from sync.consent.fitting import MODIFIED, ConsentShapes
from sync.consent.page import FOR_EVER_MS, ConsentPage, Told
from sync.consent.states import ContactState
from sync.tables.position import Phase, Position
from sync.tables.reading import IDLE_POSITION_MS, after_expiry

log = structlog.get_logger()

#: How soon changes are asked for again. Seconds.
EVERY = 1.0


class ContactChanges:
    """A `ConsentPart`."""

    is_file = False

    def __init__(
        self,
        dynamics: Dynamics,
        config: OptinoutConfig,
        shapes: ConsentShapes,
        place: str,
        page_size: int,
        now_ms: Callable[[], int],
    ) -> None:
        self.place = place
        self._dynamics = dynamics
        self._table = shapes.table()
        self._paired = tuple(pair.dynamics for pair in config.flags)
        self._columns = (*self._paired, MODIFIED)
        self._is_polled = config.poll is not None
        self._page_size = page_size
        self._now_ms = now_ms

    def beginning(self, since_ms: int | None) -> str:
        """All contacts, whatever the time."""
        return Position().dump()

    def fetch(self, position: str, timeout: float, most: int | None = None) -> ConsentPage:
        at, asked_ms = Position.load(position), self._now_ms()
        size = self._page_size if most is None else min(self._page_size, most)
        try:
            if at.link:
                page = self._dynamics.follow(self._table, at.link, self._columns, timeout=timeout, page_size=size)
            else:
                page = self._dynamics.first_page(self._table, self._columns, timeout=timeout, page_size=size)
        except CursorExpired as error:
            return self._begin_again(at, asked_ms, error)
        highest = max((row.version for row in page.rows if row.version is not None), default=0)
        behind = at.after(highest, len(page.rows), page.next_link, page.delta_link, asked_ms)
        # What is deleted has no consent any more.
        told = [Told(row.id, self._state(row)) for row in page.rows if row.values is not None]
        more = page.next_link is not None
        idle = at.at_round_start and not more and not page.rows
        idle = idle and (behind.token_ms or 0) - (at.token_ms or 0) < IDLE_POSITION_MS
        left_out = len(page.rows) - len(told)
        whole = at.phase is Phase.FULL
        # Polling, where there is any, reads everybody who has a profile.
        anew = whole and at.expired_ms is None and not self._is_polled
        anew_ms, wait = FOR_EVER_MS if anew else 0, 0.0 if more else EVERY
        return ConsentPage(told, behind.dump(), more, wait, left_out, whole=whole, anew_ms=anew_ms, idle=idle)

    def _begin_again(self, at: Position, now_ms: int, expired: CursorExpired) -> ConsentPage:
        # Deletions, which a comparison of keys would find, are of no interest here.
        behind = replace(after_expiry(at, now_ms), comparison=None)
        log.warning("The change token has expired; all contacts are read again.", action="token_expired",
                    why=str(expired))  # fmt: skip
        return ConsentPage([], behind.dump(), more=True, whole=True)

    def _state(self, row: Row) -> ContactState:
        assert row.values is not None
        try:
            modified_ms = dynamics_ms(row.values[MODIFIED])
        except ValueError:
            modified_ms = None
        return ContactState.of(row.id, row.values, self._paired, modified_ms, f'W/"{row.version}"')
