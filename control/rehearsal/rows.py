"""The records that would be read, page by page; nothing of it is stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from connectors.dynamics_pages import Row
from connectors.errors import CursorExpired
from control.words import moment
from store.replays import Only
from sync.reading import PAGE_SECONDS
from sync.tables.position import Phase, Position
from sync.tables.source import TableSource

#: Ids that are asked for at once.
_TOGETHER = 500


@dataclass(frozen=True, slots=True)
class Reading:
    """What a table's next reading would bring."""

    words: str  #: "everything"
    pages: Iterator[list[Row]]  #: a deletion has no version
    replays: bool  #: whether what it brings is written even if nothing differs
    is_live: bool  #: whether it brings changes
    is_everything: bool
    trusts: bool = True  #: whether the ledger says anything of where it is written


def next_reading(source: TableSource, position: Position, replays: bool) -> Reading:
    """What the next start reads of a table; `replays`: a replay of the whole table begins with it.

    Pages raise ConnectorError, and CursorExpired where the change token is over: `everything` comes then.
    """
    trusts = position.pair in ("", source.pair)
    if not position.link or position.mapping != source.mapping:
        first = not position.mapping
        words = "everything, for the first time" if first else "everything, since the mapping has changed"
        return Reading(words, whole(source), replays, False, True, trusts)
    if position.phase is Phase.FULL:
        return Reading("the rest of everything", followed(source, position.link), position.repeats, False, True)
    if replays:
        return Reading("everything, as a replay", whole(source), True, False, True)
    since = f" since {moment(position.token_ms)}" if position.token_ms else ""
    return Reading(f"what has changed{since}", followed(source, position.link), False, True, False)


def after_expiry(source: TableSource, replays: bool) -> Reading:
    return Reading("everything, since the change token has expired", whole(source), replays, False, True)


def whole(source: TableSource, only: Only | None = None) -> Iterator[list[Row]]:
    """All rows, or those of a window of time for which conditions hold. Raises ConnectorError, Unfit."""
    only = only or Only()
    test = source.test_of(only.where)
    link = ""
    while True:
        page = source.scan(only, link, source.page_size, PAGE_SECONDS)
        yield [row for row in page.rows if test(row)]
        if not page.next_link:
            return
        link = page.next_link


def picked(source: TableSource, ids: Sequence[str]) -> Iterator[list[Row]]:
    """Those of these records that are there. Raises ConnectorError."""
    for start in range(0, len(ids), _TOGETHER):
        yield source.picked(ids[start : start + _TOGETHER], PAGE_SECONDS)


def followed(source: TableSource, link: str) -> Iterator[list[Row]]:
    """What lies behind a link of change tracking, up to now: asking does not use a change token up.

    Raises ConnectorError, CursorExpired.
    """
    while True:
        page = source.follow(link, PAGE_SECONDS)
        yield page.rows
        if not page.next_link:
            return
        link = page.next_link


def deletions(source: TableSource, link: str) -> Iterator[list[Row]]:
    """The deletions behind a link that was made under another mapping. Raises ConnectorError, CursorExpired."""
    while True:
        page = source.follow_deletions(link, PAGE_SECONDS)
        yield [row for row in page.rows if row.version is None]
        if not page.next_link:
            return
        link = page.next_link


__all__ = ["CursorExpired", "Reading", "after_expiry", "deletions", "followed", "next_reading", "picked", "whole"]
