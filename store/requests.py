"""Requests to the systems, counted by every worker process and kept here together, for the whole instance."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from redis import Redis

from store.client import text
from store.keys import InstanceKeys


@dataclass(frozen=True, slots=True)
class RequestTotals:
    """Since the instance began. What is counted by place has the bucket's number, as `connectors.requests_made` has
    it."""

    answers: dict[tuple[str, str, str], int] = field(default_factory=dict)  #: by system, method and code
    durations: dict[tuple[str, int], int] = field(default_factory=dict)  #: by system and bucket
    seconds: dict[str, float] = field(default_factory=dict)  #: by system: the sum of the durations
    pauses: dict[str, int] = field(default_factory=dict)  #: by system: answers that asked for a pause
    paused_seconds: dict[str, float] = field(default_factory=dict)  #: by system: what they asked for in sum


class Requests:
    """A field is "<kind> <what is counted>"; times are sums of milliseconds."""

    def __init__(self, redis: Redis, keys: InstanceKeys) -> None:
        self._redis = redis
        self._key = keys.requests

    def add(self, counts: Mapping[tuple[str, ...], int]) -> None:
        """More of each; a name begins with its kind: answer, took, took-ms, pause or pause-ms."""
        if not counts:
            return
        pipeline = self._redis.pipeline(transaction=False)
        for name, many in counts.items():
            pipeline.hincrby(self._key, " ".join(name), many)
        pipeline.execute()

    def totals(self) -> RequestTotals:
        found = RequestTotals()
        for name, raw in sorted(self._redis.hgetall(self._key).items()):
            kind, *of = text(name).split(" ")
            many = int(raw)
            match kind, of:
                case "answer", [system, method, code]:
                    found.answers[system, method, code] = many
                case "took", [system, bucket]:
                    found.durations[system, int(bucket)] = many
                case "took-ms", [system]:
                    found.seconds[system] = many / 1000
                case "pause", [system]:
                    found.pauses[system] = many
                case "pause-ms", [system]:
                    found.paused_seconds[system] = many / 1000
        return found
