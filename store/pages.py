"""Pages that were read: since when what they brought can have happened, and the trace that they began.

A record on the queue knows when its page was stored, to the millisecond. By that its writer finds the page again. Kept
for an hour: of a record that waits longer, it hardly matters how long before its reading it changed.
"""

from collections.abc import Collection
from typing import NamedTuple

from redis import Redis

from store.client import text
from store.keys import StreamKeys
from store.scripts import script

#: How long a page is known, milliseconds.
KEPT_MS = 3_600_000


class Page(NamedTuple):
    since_ms: int | None  #: everything on it happened after this time, by the server's clock; None: that is not known
    trace: str  #: "<trace id> <span id>", in hexadecimal digits


class Pages:
    def __init__(self, redis: Redis, keys: StreamKeys) -> None:
        self._redis = redis
        self._key = keys.pages
        self._note_page = script(redis, "note_page")

    def note(self, page: Page) -> int:
        """Before the page is stored. Answers the time at which it is to be stored, ms since 1970 by the server's clock:
        the same question would have to be asked anyway."""
        since = "" if page.since_ms is None else str(page.since_ms)
        return int(self._note_page(keys=[self._key], args=["", f"{since} {page.trace}"]))

    def find(self, stored_ms: Collection[int]) -> dict[int, Page]:
        """Pages by the time at which they were stored; those that are not known any more are left out."""
        wanted = list(stored_ms)
        found = self._redis.hmget(self._key, [str(at_ms) for at_ms in wanted]) if wanted else []
        return {at_ms: _page(text(raw)) for at_ms, raw in zip(wanted, found, strict=True) if raw is not None}

    def trim(self, now_ms: int) -> None:
        """Forgets pages that are too old."""
        stale = [field for field in self._redis.hkeys(self._key) if int(field) < now_ms - KEPT_MS]
        if stale:
            self._redis.hdel(self._key, *stale)


def _page(packed: str) -> Page:
    since, _, trace = packed.partition(" ")
    return Page(int(since) if since else None, trace)
