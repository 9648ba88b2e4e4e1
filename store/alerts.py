"""Alerts of one workflow: what is wrong at present, and the messages about it that nobody has taken yet.

A change of state and its message are kept in one step: a crash loses neither, and tells nothing twice.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import cast

import orjson
from redis import Redis

from store.client import text
from store.keys import WorkflowKeys

#: Messages that are kept while the webhook is away; beyond that the oldest ones go.
MOST_WAITING = 200


@dataclass(frozen=True, slots=True)
class Raised:
    """Something that is wrong and was told."""

    since_ms: int
    sentence: str
    gone_ms: int | None = None  #: since when it is over, as long as that is not told


@dataclass(frozen=True, slots=True)
class Message:
    id: str
    event: str
    raised: bool  #: False: it is over
    sentence: str
    at_ms: int
    since_ms: int  #: when it began


class Alerts:
    def __init__(self, redis: Redis, keys: WorkflowKeys) -> None:
        self._redis = redis
        self._keys = keys

    def raised(self) -> dict[str, Raised]:
        """By event."""
        found = self._redis.hgetall(self._keys.alerts)
        return {text(event): Raised(**orjson.loads(packed)) for event, packed in sorted(found.items())}

    def change(self, kept: Mapping[str, Raised], over: Collection[str], messages: Collection[Message]) -> None:
        """What is wrong from now on, what no longer is, and the messages about both."""
        pipeline = self._redis.pipeline(transaction=True)
        if kept:
            pipeline.hset(self._keys.alerts, mapping={event: orjson.dumps(one) for event, one in kept.items()})
        if over:
            pipeline.hdel(self._keys.alerts, *over)
        for message in messages:
            pipeline.rpush(self._keys.alert_outbox, orjson.dumps(asdict(message)))
        pipeline.ltrim(self._keys.alert_outbox, -MOST_WAITING, -1)
        pipeline.execute()

    def next(self) -> Message | None:
        """The oldest message that nobody has taken."""
        packed = self._redis.lindex(self._keys.alert_outbox, 0)
        return Message(**orjson.loads(cast(bytes, packed))) if packed else None

    def taken(self, message: Message) -> None:
        """It was delivered."""
        self._redis.lrem(self._keys.alert_outbox, 1, cast(str, orjson.dumps(asdict(message))))

    def forget(self) -> None:
        """Nobody wants to be told any more."""
        self._redis.delete(self._keys.alerts, self._keys.alert_outbox)
