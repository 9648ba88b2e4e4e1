"""Rights: who works, however many ticks arrive. A right is held by one for a while, and ends by itself.

Rights save work; safety does not rest on them. What keeps a page from being stored twice is the number of the cursor,
which `put_page` compares; what keeps a record from two writers is its lease.
"""

import secrets
from types import TracebackType

from redis import Redis

_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
_EXTEND = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0
"""


class Right:
    """`with right as held:` - `held` is False if somebody else holds it."""

    def __init__(self, redis: Redis, key: str, ttl_ms: int) -> None:
        self._redis = redis
        self._key = key
        self._ttl_ms = ttl_ms
        self._token = secrets.token_hex(8)
        self._held = False

    def take(self) -> bool:
        self._held = bool(self._redis.set(self._key, self._token, nx=True, px=self._ttl_ms))
        return self._held

    def extend(self) -> bool:
        """False if the right has run out and is no longer held."""
        self._held = bool(self._redis.eval(_EXTEND, 1, self._key, self._token, str(self._ttl_ms)))
        return self._held

    def release(self) -> None:
        self._redis.eval(_RELEASE, 1, self._key, self._token)
        self._held = False

    def __enter__(self) -> bool:
        return self.take()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._held:
            self.release()
