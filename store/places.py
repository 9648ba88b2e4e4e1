"""How far long work on single records has come, for whoever goes on with it: a text for each, in a hash."""

from collections.abc import Collection, Mapping

from redis import Redis

from store.client import text


class Places:
    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key

    def of(self, ids: Collection[str]) -> dict[str, str]:
        """What is kept of these, where anything is."""
        ordered = list(ids)
        found = self._redis.hmget(self._key, ordered) if ordered else []
        return {record_id: text(place) for record_id, place in zip(ordered, found, strict=True) if place is not None}

    def put(self, places: Mapping[str, str]) -> None:
        if places:
            self._redis.hset(self._key, items=[word for pair in places.items() for word in pair])

    def drop(self, ids: Collection[str]) -> None:
        if ids:
            self._redis.hdel(self._key, *ids)
