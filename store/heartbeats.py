"""Heartbeats: which processes are alive, told by themselves, judged by the server's clock."""

from dataclasses import dataclass

import orjson
from redis import Redis

from store.client import server_time_ms, text
from store.keys import InstanceKeys

#: A process that has said nothing for so long counts as gone.
GONE_AFTER_MS = 15_000


@dataclass(frozen=True, slots=True)
class Heartbeat:
    name: str
    role: str  #: worker or beat
    queues: tuple[str, ...]
    slots: int  #: tasks it can work on at once
    at_ms: int


class Heartbeats:
    def __init__(self, redis: Redis, keys: InstanceKeys) -> None:
        self._redis = redis
        self._key = keys.workers

    def beat(self, name: str, role: str, queues: tuple[str, ...] = (), slots: int = 0) -> None:
        now_ms = server_time_ms(self._redis)
        packed = orjson.dumps({"role": role, "queues": queues, "slots": slots, "at_ms": now_ms})
        self._redis.hset(self._key, name, packed)

    def leave(self, name: str) -> None:
        self._redis.hdel(self._key, name)

    def alive(self, now_ms: int | None = None) -> list[Heartbeat]:
        """Those heard of lately, by name. Forgets the others."""
        now = server_time_ms(self._redis) if now_ms is None else now_ms
        found = []
        for raw, packed in self._redis.hgetall(self._key).items():
            name, fields = text(raw), orjson.loads(packed)
            if now - fields["at_ms"] <= GONE_AFTER_MS:
                found.append(Heartbeat(name, fields["role"], tuple(fields["queues"]), fields["slots"], fields["at_ms"]))
            else:
                self._redis.hdel(self._key, name)
        return sorted(found, key=lambda beat: (beat.role, beat.name))
