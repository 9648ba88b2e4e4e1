"""Holds: streams whose records wait because a live schema no longer fits what the workflow began with.

A hold belongs to one generation: the next start looks at both systems anew. A doubt comes before it: a system has
refused something that the mapping names, and the schemas are to be compared.
"""

from collections.abc import Collection
from dataclasses import dataclass

import orjson
from redis import Redis

from store.client import server_time_ms, text
from store.keys import WorkflowKeys


@dataclass(frozen=True, slots=True)
class Hold:
    sentence: str  #: the difference, by name
    at_ms: int  #: when the stream was first held in this generation


class Holds:
    def __init__(self, redis: Redis, keys: WorkflowKeys) -> None:
        self._redis = redis
        self._holds = keys.holds
        self._doubts = keys.doubts

    def hold(self, stream: str, generation: int, sentence: str, now_ms: int | None = None) -> bool:
        """Holds a stream for the rest of a generation; whether that says anything new.

        Held already, it keeps its time and takes the newer sentence.
        """
        before = self.get(stream, generation)
        at_ms = before.at_ms if before else server_time_ms(self._redis) if now_ms is None else now_ms
        packed = orjson.dumps({"sentence": sentence, "at_ms": at_ms})
        self._redis.hset(self._holds, f"{generation} {stream}", packed)
        over = [field for field in self._redis.hkeys(self._holds) if int(text(field).split(" ")[0]) < generation]
        if over:
            self._redis.hdel(self._holds, *over)
        return before is None or before.sentence != sentence

    def get(self, stream: str, generation: int) -> Hold | None:
        """None: the stream may be written in this generation."""
        packed = self._redis.hget(self._holds, f"{generation} {stream}")
        return Hold(**orjson.loads(packed)) if packed else None

    def all(self, generation: int) -> dict[str, Hold]:
        """The held streams of a generation."""
        found = {tuple(text(field).split(" ", 1)): packed for field, packed in self._redis.hgetall(self._holds).items()}
        return {
            stream: Hold(**orjson.loads(packed))
            for (of_generation, stream), packed in found.items()
            if of_generation == str(generation)
        }

    def doubt(self, stream: str) -> None:
        """Whether the stream's schemas still fit is to be looked at soon."""
        self._redis.sadd(self._doubts, stream)

    def doubted(self) -> set[str]:
        return {text(raw) for raw in self._redis.smembers(self._doubts)}

    def settle_doubts(self, streams: Collection[str]) -> None:
        """These were looked at."""
        if streams:
            self._redis.srem(self._doubts, *streams)
