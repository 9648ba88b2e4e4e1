"""What is exported of a workflow's logs: how far it was told, and the lines of days whose files are not complete.

A file is written whole each time, from the lines that are kept here until its day is over. Lines are kept in one step
with how far they tell, so that neither a crash nor a second exporter tells anything twice, or leaves it out.
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast

import orjson
from redis import Redis

from store.client import text
from store.keys import WorkflowKeys
from store.statistics import WHATS

#: Counts of each stream since it began.
Totals = dict[str, dict[str, int]]

#: KEYS 1 the state, 2.. the lines of days   ARGV 1 the number before, 2 until, 3 totals, then of each day: day, aside,
#: lines. The number tells two exporters apart that tell the same time.
_KEEP = """
if (redis.call('HGET', KEYS[1], 'number') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'number', ARGV[1] + 1, 'until', ARGV[2], 'totals', ARGV[3])
for i = 2, #KEYS do
  local day, aside, lines = unpack(ARGV, 3 * i - 2, 3 * i)
  redis.call('RPUSH', KEYS[i], lines)
  redis.call('HINCRBY', KEYS[1], 'parts:' .. day, 1)
  redis.call('HINCRBY', KEYS[1], 'aside:' .. day, aside)
end
return 1
"""


class Moment(NamedTuple):
    at_ms: int  #: the server's clock
    totals: Totals


@dataclass(frozen=True, slots=True)
class Day:
    """One file in the making."""

    parts: int = 0  #: how often lines were added
    written: int = 0  #: how many of these parts the file on the server has
    aside: int = 0  #: records set aside that have a line of their own


@dataclass(frozen=True, slots=True)
class Told:
    """How far a workflow's logs were told."""

    number: int
    until_ms: int  #: everything before this time
    totals: Totals  #: at that time
    days: dict[str, Day]  #: by day, such as 20261101, the oldest first

    @property
    def waits(self) -> bool:
        """Whether lines wait to be written to the server."""
        return any(day.written < day.parts for day in self.days.values())


class LogLines:
    def __init__(self, redis: Redis, keys: WorkflowKeys) -> None:
        self._redis = redis
        self._keys = keys

    def moment(self, streams: Iterable[str]) -> Moment:
        """The time and the counts of these streams, taken together: what is counted was before that time."""
        names = list(streams)
        pipeline = self._redis.pipeline()
        pipeline.time()
        for name in names:
            pipeline.hmget(self._keys.stream(name).counters, list(WHATS))
        (seconds, microseconds), *found = pipeline.execute()
        totals = {
            name: {what: int(text(count) or 0) for what, count in zip(WHATS, counts, strict=True)}
            for name, counts in zip(names, found, strict=True)
        }
        return Moment(int(seconds) * 1000 + int(microseconds) // 1000, totals)

    def told(self) -> Told | None:
        """None: nothing was ever told, or it was forgotten."""
        fields = {text(name): value for name, value in self._redis.hgetall(self._keys.log_export).items()}
        if "number" not in fields:
            return None
        days = {
            day: Day(*(int(fields.get(f"{what}:{day}", 0)) for what in ("parts", "written", "aside")))
            for day in sorted(name.removeprefix("parts:") for name in fields if name.startswith("parts:"))
        }
        return Told(int(fields["number"]), int(fields["until"]), orjson.loads(fields["totals"]), days)

    def keep(
        self,
        number: int,
        until_ms: int,
        totals: Totals,
        lines: Mapping[str, bytes],
        aside: Mapping[str, int],
    ) -> bool:
        """Keeps lines by their day, `aside` of which are about one record each; from now on everything before
        `until_ms` is told. `number`: what was told before, 0 for nothing. False: somebody else has told meanwhile, and
        nothing was kept."""
        arguments: list[bytes | str | int] = []
        for day, content in lines.items():
            arguments += (day, aside.get(day, 0), zlib.compress(content))
        keys = [self._keys.log_export, *map(self._keys.log_lines, lines)]
        packed = orjson.dumps(totals)
        return bool(self._redis.eval(_KEEP, len(keys), *keys, number, until_ms, packed, *arguments))

    def content(self, day: str, parts: int) -> bytes:
        """So many parts of a day's file, one after the other."""
        found = cast(list[bytes], self._redis.lrange(self._keys.log_lines(day), 0, parts - 1))
        return b"".join(zlib.decompress(packed) for packed in found)

    def note_written(self, day: str, parts: int) -> None:
        """The file of that day is on the server, with so many parts."""
        self._redis.hset(self._keys.log_export, f"written:{day}", parts)

    def drop(self, day: str) -> None:
        """That day is over and its file complete: its lines need not be kept."""
        pipeline = self._redis.pipeline()
        pipeline.delete(self._keys.log_lines(day))
        pipeline.hdel(self._keys.log_export, *(f"{what}:{day}" for what in ("parts", "written", "aside")))
        pipeline.execute()

    def forget(self) -> None:
        """Nothing is to be exported any more."""
        told = self.told()
        if told is not None:
            self._redis.delete(self._keys.log_export, *map(self._keys.log_lines, told.days))
