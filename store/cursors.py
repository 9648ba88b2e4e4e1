"""The cursor of a stream: how far reading has come. `put_page` writes it, in one step with the page before it; an
operator may place another one while the workflow does not run."""

import secrets
from dataclasses import dataclass

from redis import Redis

from store.client import text
from store.keys import StreamKeys
from store.scripts import clock_argument, script


class WorkflowRuns(Exception):
    """The workflow starts or runs; a reading position is placed while it is stopped."""


class CursorChanged(Exception):
    """The cursor is no longer the one that was looked at."""


@dataclass(frozen=True, slots=True)
class Cursor:
    number: int  #: how many pages were stored so far; a reader names it when it stores the next
    value: str  #: the reader's own text, empty before the first page
    at_ms: int | None  #: when it was stored, ms since 1970


def read_cursor(redis: Redis, keys: StreamKeys) -> Cursor:
    number, value, at = redis.hmget(keys.cursor, ["number", "value", "at"])
    return Cursor(int(number or 0), text(value), int(at) if at else None)


class Placing:
    """Puts another reading position in place of a stream's own."""

    def __init__(self, redis: Redis, keys: StreamKeys, origin: str = "") -> None:
        self._keys = keys
        self._origin = origin
        self._place_cursor = script(redis, "place_cursor")

    def place(self, before: Cursor, value: str, by: str, why: str, now_ms: int | None = None) -> None:
        """In place of the cursor that was looked at; the act is in the history. Raises WorkflowRuns, CursorChanged."""
        keys, workflow = self._keys, self._keys.workflow
        code = self._place_cursor(
            keys=[workflow.lifecycle, keys.cursor, workflow.streams, workflow.log],
            args=[
                clock_argument(now_ms), before.number, value, keys.stream, by, why, self._origin, secrets.token_hex(8)
            ],
        )  # fmt: skip
        if code == -1:
            raise WorkflowRuns(WorkflowRuns.__doc__)
        if code == -2:
            raise CursorChanged(CursorChanged.__doc__)
