"""Rights: who works, however many ticks arrive. Held while its holder lives, and gone soon after it has died.

Rights save work; safety does not rest on them. What keeps a page from being stored twice is the number of the cursor,
which `put_page` compares; what keeps a record from two writers is its lease.
"""

import secrets
import threading
from types import TracebackType

from redis import Redis
from redis.exceptions import RedisError

#: How long a right outlives a holder that was killed.
TTL_MS = 10_000

_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
_EXTEND = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0
"""


class Right:
    """`with right as held:` - `held` is False if somebody else holds it. A thread extends it until the block ends."""

    def __init__(self, redis: Redis, key: str, ttl_ms: int = TTL_MS) -> None:
        self._redis = redis
        self._key = key
        self._ttl_ms = ttl_ms
        self._token = secrets.token_hex(8)
        self._done = threading.Event()
        self._keeper: threading.Thread | None = None

    def take(self) -> bool:
        return bool(self._redis.set(self._key, self._token, nx=True, px=self._ttl_ms))

    def extend(self) -> bool:
        """False if the right has run out and is no longer held."""
        return bool(self._redis.eval(_EXTEND, 1, self._key, self._token, str(self._ttl_ms)))

    def release(self) -> None:
        self._redis.eval(_RELEASE, 1, self._key, self._token)

    def _keep(self) -> None:
        while not self._done.wait(self._ttl_ms / 3000):
            try:
                if not self.extend():
                    return
            except RedisError:
                continue  # it may be back before the right runs out

    def __enter__(self) -> bool:
        if not self.take():
            return False
        self._keeper = threading.Thread(target=self._keep, name="keep-right", daemon=True)
        self._keeper.start()
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keeper is not None:
            self._done.set()
            self._keeper.join()
            self.release()
