"""Email events from the I/O Events journal: where a reading begins, how it goes on, and what expiry has taken."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Literal

import orjson

from connectors.errors import CursorExpired, Malformed
from connectors.journal import RETENTION_SECONDS, Journal, JournalEvent, JournalPage
from sync.pages import RawPage, RawRecord

#: The journal's clock and ours differ: so many seconds more are asked for where a reading begins at a time.
CLOCK_SECONDS = 60
#: A position that only moved in time becomes another one this often at most, so that it need not be stored each time.
IDLE_MS = 60_000
#: Characters of an unreadable event that are kept.
EXCERPT = 1000

_KINDS = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false", type(None): "null"}


@dataclass(frozen=True, slots=True)
class JournalPosition:
    """Either a link, or where a reading is to begin."""

    begin: Literal["oldest", "since"] = "oldest"
    since_ms: int = 0  #: for "since"
    link: str = ""  #: what the last page led to; it wins
    journal: str = ""  #: the address of the journal that the link belongs to
    asked_ms: int = 0  #: when that page was asked for
    end_ms: int | None = None  #: when the journal was last read to its end

    def dump(self) -> str:
        return orjson.dumps(self).decode()

    @classmethod
    def load(cls, text: str) -> "JournalPosition":
        return cls(**orjson.loads(text))


class JournalSource:
    """An `RawSource`. `page_size`: events of a page, None for what the journal gives."""

    def __init__(
        self, journal: Journal, page_size: int | None, now_ms: Callable[[], int] = lambda: int(time.time() * 1000)
    ) -> None:
        self._journal = journal
        self._page_size = page_size
        self._now_ms = now_ms

    def beginning(self, since_ms: int | None) -> str:
        """Where a reading begins that brings all that is kept; with a time other than 0, one that brings all events
        since then that are still kept, and some of the minute before."""
        return (JournalPosition("since", since_ms) if since_ms else JournalPosition("oldest")).dump()

    def fetch(self, position: str, timeout: float) -> RawPage:
        """The page behind a position. Where that has expired, the oldest page that is left, and what is missed.

        Raises TryAgain, Stop.
        """
        deadline = time.monotonic() + timeout
        at = JournalPosition.load(position)
        if at.link and at.journal != self._journal.url:
            # Another registration has other positions. What it has of what was read before appears once.
            at = JournalPosition() if at.end_ms is None else JournalPosition("since", at.end_ms)
        asked_ms = self._now_ms()
        missed = ""
        try:
            if not at.link and at.begin == "since" and asked_ms - at.since_ms >= RETENTION_SECONDS * 1000:
                raise CursorExpired("journal", "what is asked for is older than all that is kept")
            page = self._page(at, asked_ms, timeout)
        except CursorExpired:
            missed = _missed(at, asked_ms)
            at = JournalPosition()
            try:
                page = self._page(at, asked_ms, deadline - time.monotonic())
            except CursorExpired as error:
                raise Malformed(
                    "journal", f"{error.sentence}, though none was asked for; it will be tried again"
                ) from None
        behind = self._behind(at, page, asked_ms)
        events = [_raw(event) for event in page.events]
        return RawPage(events, behind.dump(), page.wait is None, page.wait or 0.0, missed)

    def _page(self, at: JournalPosition, asked_ms: int, timeout: float) -> JournalPage:
        if at.link:
            return self._journal.read(at.link, timeout)
        seek = None
        if at.begin == "since":
            seek = max(0, math.ceil((asked_ms - at.since_ms) / 1000)) + CLOCK_SECONDS
        return self._journal.first(timeout, seek_seconds=seek, limit=self._page_size)

    def _behind(self, at: JournalPosition, page: JournalPage, asked_ms: int) -> JournalPosition:
        at_end = page.wait is not None
        if page.next is None:
            if at.begin == "oldest" or asked_ms - at.since_ms < IDLE_MS:
                return at
            # Everything until now was read.
            return JournalPosition("since", asked_ms)
        if at_end and page.next == at.link and at.end_ms is not None and asked_ms - at.end_ms < IDLE_MS:
            return at
        return JournalPosition(
            link=page.next, journal=self._journal.url, asked_ms=asked_ms, end_ms=asked_ms if at_end else at.end_ms
        )


def _raw(event: JournalEvent) -> RawRecord:
    value: Any = event.value
    if isinstance(value, dict):
        return RawRecord(value, position=event.position)
    try:
        text = orjson.dumps(value)
    except orjson.JSONEncodeError:  # what is read may be nested more deeply than what is written
        text = _outline(value)
    place = event.position or blake2b(text, digest_size=16).hexdigest()
    kind = _KINDS.get(type(value), "something else")
    return RawRecord(
        None,
        where=f"journal {place}",
        flaw=f"The event is {kind}, not a JSON object.",
        excerpt=text[: 4 * EXCERPT].decode("utf-8", "ignore")[:EXCERPT],
        position=event.position,
    )


def _outline(value: object) -> bytes:
    """What stands in a value of any depth, however it is nested: the same for the same value."""
    found: list[str] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            found.append(f"{{{','.join(map(repr, one))}}}")
            waiting += one.values()
        elif isinstance(one, list):
            found.append(f"[{len(one)}]")
            waiting += one
        else:
            found.append(repr(one))
    return " ".join(found).encode()


def _missed(at: JournalPosition, now_ms: int) -> str:
    """What an expired position means; nothing is missed where all was read up to a time from which all is still kept,
    as after a quiet week."""
    kept_ms = now_ms - RETENTION_SECONDS * 1000
    read_ms = at.end_ms if at.link else at.since_ms
    if read_ms is not None and read_ms >= kept_ms:
        return ""
    if at.link:
        why = f"The journal no longer serves the position of {_time(at.asked_ms)}"
    else:
        why = f"The journal no longer has all events since {_time(at.since_ms)}"
    since = "some from before" if read_ms is None else f"those between {_time(read_ms)} and about"
    return (
        f"{why}: {since} {_time(kept_ms)} are missed. Reading goes on from the oldest event that is left. Campaign's "
        "log export files may still have what is missed; whatever else they have appears once more, under other ids."
    )


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
