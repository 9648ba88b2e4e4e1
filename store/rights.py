"""The reading right: one reader per stream at a time, however many ticks arrive.

It keeps two readers from asking for the same page. What keeps a page from being stored twice is the number of the
cursor, which `put_page` compares: a holder that has slept through its right can do no harm.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis

_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
_EXTEND = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"


class Right:
    def __init__(self, redis: Redis, key: str, ttl_ms: int) -> None:
        self._redis = redis
        self._key = key
        self._ttl_ms = ttl_ms
        self._token = secrets.token_hex(8)

    def take(self) -> bool:
        return bool(self._redis.set(self._key, self._token, nx=True, px=self._ttl_ms))

    def extend(self) -> bool:
        """False if the right has run out and is no longer held."""
        return bool(self._redis.eval(_EXTEND, 1, self._key, self._token, str(self._ttl_ms)))

    def release(self) -> None:
        self._redis.eval(_RELEASE, 1, self._key, self._token)


@contextmanager
def right(redis: Redis, key: str, ttl_ms: int) -> Iterator[Right | None]:
    """The right, or None if somebody else holds it."""
    held = Right(redis, key, ttl_ms)
    if not held.take():
        yield None
        return
    try:
        yield held
    finally:
        held.release()
