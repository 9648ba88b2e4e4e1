"""Engine calls, Campaign's licence metric, per workflow and day: an insert or a deletion is one, an update two.

Requests are counted by what they do; lookups cost nothing but are worth knowing. Days are those of UTC.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from redis import Redis

from store.client import text
from store.keys import WorkflowKeys

#: Days that are kept, so that the same month of last year can be compared.
KEPT_DAYS = 400

_WHATS = ("inserts", "updates", "deletes", "lookups")

#: In place of a day: all of them, those of days that are no longer kept included. A letter stands behind all digits,
#: so that it is never trimmed as a day.
_EVER = "ever"


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    inserts: int
    updates: int
    deletes: int
    lookups: int

    @property
    def engine_calls(self) -> int:
        return self.inserts + 2 * self.updates + self.deletes


class EngineCalls:
    def __init__(self, redis: Redis, keys: WorkflowKeys) -> None:
        self._redis = redis
        self._key = keys.engine_calls

    def add(self, inserts: int, updates: int, deletes: int, lookups: int, now_ms: int) -> None:
        """Counts requests that were sent. An addition whose reply is lost may count twice."""
        today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
        counts = {what: many for what, many in zip(_WHATS, (inserts, updates, deletes, lookups), strict=True) if many}
        pipeline = self._redis.pipeline()
        for what, many in counts.items():
            pipeline.hincrby(self._key, f"{today}:{what}", many)
        for what, many in counts.items():
            pipeline.hincrby(self._key, f"{_EVER}:{what}", many)
        if pipeline.execute()[: len(counts)] == list(counts.values()) and counts:  # the first of a day
            self._trim(today - timedelta(days=KEPT_DAYS))

    def _trim(self, oldest: date) -> None:
        stale = [field for field in self._redis.hkeys(self._key) if text(field) < oldest.isoformat()]
        if stale:
            self._redis.hdel(self._key, *stale)

    def days(self, limit: int) -> list[Day]:
        """The newest first; days without any request are left out."""
        counts: dict[str, dict[str, int]] = {}
        for field, many in self._redis.hgetall(self._key).items():
            day, what = text(field).split(":")
            if day != _EVER:
                counts.setdefault(day, dict.fromkeys(_WHATS, 0))[what] = int(many)
        return [Day(date.fromisoformat(day), **counts[day]) for day in sorted(counts, reverse=True)[:limit]]

    def ever(self) -> int:
        """Engine calls since the workflow began."""
        found = self._redis.hmget(self._key, [f"{_EVER}:{what}" for what in _WHATS])
        inserts, updates, deletes, _ = (int(many or 0) for many in found)
        return inserts + 2 * updates + deletes
