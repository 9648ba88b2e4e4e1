"""Ids of a stream that are marked for something: a set, asked in one step, that costs little while it is empty."""

from collections.abc import Collection

from redis import Redis


class Marks:
    def __init__(self, redis: Redis, key: str) -> None:
        self._redis = redis
        self._key = key

    def add(self, ids: Collection[str]) -> None:
        if ids:
            self._redis.sadd(self._key, *ids)

    def among(self, ids: Collection[str]) -> set[str]:
        """Those of the ids that are marked."""
        ordered = list(ids)
        if not ordered or not self._redis.exists(self._key):
            return set()
        marks = self._redis.smismember(self._key, ordered)
        return {record_id for record_id, marked in zip(ordered, marks, strict=True) if marked}

    def clear(self, ids: Collection[str]) -> None:
        if ids:
            self._redis.srem(self._key, *ids)
