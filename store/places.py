"""How far long work on single records has come, for whoever goes on with it: a text for each, in a hash."""

from collections.abc import Collection

from redis import Redis

from store.client import text


class Places:
    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key

    def get(self, record_id: str) -> str:
        """Empty if nothing is kept."""
        return text(self._redis.hget(self._key, record_id))

    def put(self, record_id: str, place: str) -> None:
        self._redis.hset(self._key, record_id, place)

    def drop(self, ids: Collection[str]) -> None:
        if ids:
            self._redis.hdel(self._key, *ids)
