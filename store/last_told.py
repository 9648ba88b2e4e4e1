"""What the systems' answers told any worker last, for the whole instance: `connectors.last_told`, kept together."""

from collections.abc import Mapping
from dataclasses import dataclass

from redis import Redis

from store.client import text
from store.keys import InstanceKeys


@dataclass(frozen=True, slots=True)
class Figure:
    """`what`: budget-requests, budget-seconds, token-ends or clock, as `connectors.last_told` has them."""

    system: str
    what: str
    value: float
    at_ms: int  #: when it was told


class LastTold:
    """A field is "<system> <what>", its value "<value> <told ms>". Of two workers the last one counts."""

    def __init__(self, redis: Redis, keys: InstanceKeys) -> None:
        self._redis = redis
        self._key = keys.last_told

    def note(self, figures: Mapping[tuple[str, str], float], now_ms: int) -> None:
        if figures:
            fields = {f"{system} {what}": f"{value!r} {now_ms}" for (system, what), value in figures.items()}
            self._redis.hset(self._key, mapping=fields)  # type: ignore[arg-type]  # the library's type is invariant

    def all(self) -> list[Figure]:
        """By system and kind."""
        found = []
        for name, raw in sorted(self._redis.hgetall(self._key).items()):
            system, what = text(name).split(" ")
            value, at_ms = text(raw).split(" ")
            found.append(Figure(system, what, float(value), int(at_ms)))
        return found
