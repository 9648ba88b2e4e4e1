"""Trouble: why a running workflow waits. An outage is no failure: it is shown with its beginning and heals alone."""

from copy import copy
from dataclasses import dataclass

import orjson
from redis import Redis

from store.client import server_time_ms, text
from store.keys import WorkflowKeys
from store.scripts import script

#: The place of what only the export of logs waits for. The workflow itself does not, and may be off.
LOGS = "logs"
#: The same of alerts that the webhook does not take.
ALERTS = "alerts"
#: Ends the place of a stream of which as much is to be written as may be read ahead.
FULL = ".full"
#: The place of what a start waits for: imports of an earlier run. It looks again and again, and nothing fails.
AWAITED = "load"
#: Of these it is told whether the workflow is on or off.
BESIDE = (LOGS, ALERTS)


@dataclass(frozen=True, slots=True)
class Trouble:
    #: "<stream>.read", ".full", ".write", ".parents", ".deletions" or ".load", "connect", "schemas", "tick", "start",
    #: "load", or one of `BESIDE`
    where: str
    since_ms: int
    until_ms: int  #: nothing is tried before this time
    times: int
    sentence: str

    @property
    def is_none(self) -> bool:
        """Whether it only says that reading waits for writing to catch up, as it does for most of a first run."""
        return self.where.endswith(FULL)


class Troubles:
    def __init__(self, redis: Redis, keys: WorkflowKeys) -> None:
        self._redis = redis
        self._keys = keys
        self._key = keys.trouble
        self._start: int | None = None
        self._note_start = script(redis, "note_start")

    def of_start(self, generation: int) -> "Troubles":
        """The same; but what is noted through it counts only while that generation is STARTING."""
        mine = copy(self)
        mine._start = generation
        return mine

    def now_ms(self) -> int:
        """The server's clock: pauses are shared by machines whose own clocks may differ."""
        return server_time_ms(self._redis)

    def all(self) -> list[Trouble]:
        found = self._redis.hgetall(self._key)
        troubles = [Trouble(text(where), **orjson.loads(packed)) for where, packed in found.items()]
        return sorted(troubles, key=lambda trouble: trouble.since_ms)

    def get(self, where: str) -> Trouble | None:
        packed = self._redis.hget(self._key, where)
        return Trouble(where, **orjson.loads(packed)) if packed else None

    def note(self, where: str, sentence: str, now_ms: int, until_ms: int) -> Trouble:
        """The same place's trouble goes on: its beginning is kept, its sentence is the newest."""
        before = self.get(where)
        trouble = Trouble(
            where,
            before.since_ms if before else now_ms,
            until_ms,
            before.times + 1 if before else 1,
            sentence,
        )
        fields = {
            "since_ms": trouble.since_ms,
            "until_ms": until_ms,
            "times": trouble.times,
            "sentence": sentence,
        }
        if self._start is None:
            self._redis.hset(self._key, where, orjson.dumps(fields))
        else:
            keys = [self._keys.lifecycle, self._key]
            self._note_start(keys=keys, args=[now_ms, self._start, where, orjson.dumps(fields)])
        return trouble

    def clear(self, where: str) -> None:
        self._redis.hdel(self._key, where)

    def clear_all(self) -> None:
        self._redis.delete(self._key)
