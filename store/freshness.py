"""How long changes took from when they happened to their confirmed writes: counted by writers, in buckets, per stream.

Counts are exact with any number of workers, since each is one step in Redis. Beside the counts since the stream began,
those of every five minutes are kept for an hour, so that an objective can be judged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from redis import Redis

from config.objectives import COUNTED_SECONDS
from store.client import text
from store.keys import StreamKeys
from store.scripts import clock_argument, script

#: Width of one window, milliseconds; `measure.lua` divides by the same.
WINDOW_MS = 300_000
#: So many windows make the last hour.
KEPT_WINDOWS = 3_600_000 // WINDOW_MS

_EDGES = [1000 * seconds for seconds in COUNTED_SECONDS]

#: The measure of all changes of a stream.
FRESHNESS = "fresh"
#: Measures of opt-outs, by the system that they came to.
OPTOUT = {"dynamics": "optout-dynamics", "campaign": "optout-campaign"}


class Waited(NamedTuple):
    """Changes that were confirmed together."""

    measure: str
    since_ms: int  #: when they happened, ms since 1970


@dataclass(frozen=True, slots=True)
class Histogram:
    counts: tuple[int, ...]  #: by `COUNTED_SECONDS`, and behind them what took longer; none counted twice
    seconds: float  #: the sum of all times

    @property
    def total(self) -> int:
        return sum(self.counts)

    def within(self, seconds: int) -> int:
        """How many took no longer; `seconds` is one of `COUNTED_SECONDS`."""
        return sum(self.counts[: COUNTED_SECONDS.index(seconds) + 1])


class Freshness:
    def __init__(self, redis: Redis, keys: StreamKeys) -> None:
        self._redis = redis
        self._key = keys.freshness
        self._measure = script(redis, "measure")

    def add(self, waited: Mapping[Waited, int], now_ms: int | None = None) -> None:
        """Changes that are confirmed now, with how many there are of each. One step, a few of them a batch."""
        groups = [part for one, many in waited.items() for part in (one.measure, one.since_ms, many)]
        if groups:
            self._measure(keys=[self._key], args=[clock_argument(now_ms), len(_EDGES), *_EDGES, *groups])

    def since_ever(self) -> dict[str, Histogram]:
        """By measure, those that were ever counted."""
        counts: dict[str, list[int]] = {}
        sums: dict[str, int] = {}
        for field, raw in self._redis.hgetall(self._key).items():
            parts = text(field).split(":")
            if len(parts) == 2 and parts[1] == "ms":
                sums[parts[0]] = int(raw)
            elif len(parts) == 2:
                counts.setdefault(parts[0], [0] * (len(_EDGES) + 1))[int(parts[1])] += int(raw)
        return {name: Histogram(tuple(found), sums.get(name, 0) / 1000) for name, found in sorted(counts.items())}

    def last_hour(self, now_ms: int, measure: str = FRESHNESS) -> Histogram:
        """Of the last 55 to 60 minutes, as long as the newest window fills; without the sum of the times."""
        oldest, counts = _oldest(now_ms), [0] * (len(_EDGES) + 1)
        for field, raw in self._redis.hgetall(self._key).items():
            parts = text(field).split(":")
            if len(parts) == 3 and parts[1] == measure and int(parts[0]) >= oldest:
                counts[int(parts[2])] += int(raw)
        return Histogram(tuple(counts), 0.0)

    def trim(self, now_ms: int) -> None:
        """Forgets windows that are over for an hour."""
        oldest = _oldest(now_ms)
        parted = ((field, text(field).split(":")) for field in self._redis.hkeys(self._key))
        stale = [field for field, parts in parted if len(parts) == 3 and int(parts[0]) < oldest]
        if stale:
            self._redis.hdel(self._key, *stale)


def _oldest(now_ms: int) -> int:
    """The number of the first window that belongs to the last hour."""
    return now_ms // WINDOW_MS - KEPT_WINDOWS + 1
