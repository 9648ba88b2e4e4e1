"""How the backlog has moved: one sample every half minute, those of the last hour, written by the tick."""

from dataclasses import dataclass

from redis import Redis

from store.client import text
from store.keys import WorkflowKeys

#: One sample so often.
EVERY_MS = 30_000
#: So many are kept: an hour.
KEPT = 120


@dataclass(frozen=True, slots=True)
class Sample:
    at_ms: int
    backlog: int  #: records that waited or were leased, of all streams


class Samples:
    def __init__(self, redis: Redis, keys: WorkflowKeys) -> None:
        self._redis = redis
        self._key = keys.samples

    def is_due(self, before_ms: int | None, now_ms: int) -> bool:
        """Whether a look at `now_ms` is the first of a half minute; `before_ms`: when the look before it was."""
        return before_ms is None or before_ms // EVERY_MS != now_ms // EVERY_MS

    def note(self, at_ms: int, backlog: int) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.rpush(self._key, f"{at_ms} {backlog}")
        pipeline.ltrim(self._key, -KEPT, -1)
        pipeline.execute()

    def all(self) -> list[Sample]:
        """The oldest first."""
        lines = (text(raw).split(" ") for raw in self._redis.lrange(self._key, 0, -1))
        return [Sample(int(at_ms), int(backlog)) for at_ms, backlog in lines]
