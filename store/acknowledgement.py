"""The privacy acknowledgement of an instance: who has read that requests for erasure are to be made in both systems."""

from dataclasses import dataclass

import orjson
from redis import Redis

from store.keys import InstanceKeys


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    at_ms: int
    by: str


class Acknowledgements:
    def __init__(self, redis: Redis, keys: InstanceKeys) -> None:
        self._redis = redis
        self._key = keys.privacy

    def record(self, by: str, now_ms: int) -> bool:
        """True for the first, which stands for ever; False if somebody has acknowledged before."""
        return bool(self._redis.set(self._key, orjson.dumps({"at_ms": now_ms, "by": by}), nx=True))

    def read(self) -> Acknowledgement | None:
        """None before the first."""
        packed = self._redis.get(self._key)
        return Acknowledgement(**orjson.loads(packed)) if packed else None
