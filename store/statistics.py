"""Counts and rates of a stream, kept by the scripts themselves, so that they are right with any number of workers."""

from dataclasses import dataclass

from redis import Redis

from store.client import text
from store.keys import StreamKeys

#: Width of one bucket of the pulse; `common.lua` divides by the same.
BUCKET_SECONDS = 10
#: The pulse reaches an hour back.
KEPT_BUCKETS = 3600 // BUCKET_SECONDS

WHATS = ("read", "filtered", "written", "unchanged", "again", "refused", "parked")


@dataclass(frozen=True, slots=True)
class Statistics:
    totals: dict[str, int]  #: read, filtered, written, unchanged, again, refused, parked since the stream began
    rates: dict[str, float]  #: the same per second, over the last half minute


def read_statistics(redis: Redis, keys: StreamKeys, now_ms: int) -> Statistics:
    totals = redis.hmget(keys.counters, list(WHATS))
    newest = now_ms // (BUCKET_SECONDS * 1000)
    buckets = (newest, newest - 1, newest - 2)
    counts = redis.hmget(keys.pulse, [f"{bucket}:{what}" for what in WHATS for bucket in buckets])
    # The newest bucket is still filling: it counts for the part of it that has passed.
    seconds = 2 * BUCKET_SECONDS + (now_ms / 1000) % BUCKET_SECONDS
    rates = {
        what: sum(int(text(count) or 0) for count in counts[i * 3 : i * 3 + 3]) / seconds
        for i, what in enumerate(WHATS)
    }
    return Statistics({what: int(text(total) or 0) for what, total in zip(WHATS, totals, strict=True)}, rates)


def trim_pulse(redis: Redis, keys: StreamKeys, now_ms: int) -> int:
    """Drops what is older than an hour. Answers how many counts were dropped."""
    oldest = now_ms // (BUCKET_SECONDS * 1000) - KEPT_BUCKETS
    stale = [field for field in redis.hkeys(keys.pulse) if int(text(field).split(":")[0]) < oldest]
    return int(redis.hdel(keys.pulse, *stale)) if stale else 0
