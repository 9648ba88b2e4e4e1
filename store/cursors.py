"""The cursor of a stream: how far reading has come. Only `put_page` writes it, in one step with the page before it."""

from dataclasses import dataclass

from redis import Redis

from store.client import text
from store.keys import StreamKeys


@dataclass(frozen=True, slots=True)
class Cursor:
    number: int  #: how many pages were stored so far; a reader names it when it stores the next
    value: str  #: the reader's own text, empty before the first page
    at_ms: int | None  #: when it was stored, ms since 1970


def read_cursor(redis: Redis, keys: StreamKeys) -> Cursor:
    number, value, at = redis.hmget(keys.cursor, ["number", "value", "at"])
    return Cursor(int(number or 0), text(value), int(at) if at else None)
