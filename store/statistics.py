"""Counts and rates of a stream, kept by the scripts themselves, so that they are right with any number of workers."""

from dataclasses import dataclass

from redis import Redis

from store.client import text
from store.keys import StreamKeys

#: Width of one bucket of the pulse; `common.lua` divides by the same.
BUCKET_SECONDS = 10
#: A rate is taken over so many buckets, the newest among them.
RATE_BUCKETS = 2
#: The pulse reaches an hour back.
KEPT_BUCKETS = 3600 // BUCKET_SECONDS

WHATS = ("read", "filtered", "written", "unchanged", "again", "refused", "parked")

#: After these, nothing more is to be done about a record for now.
_SETTLED = ("filtered", "written", "unchanged", "refused", "parked")


@dataclass(frozen=True, slots=True)
class Statistics:
    totals: dict[str, int]  #: read, filtered, written, unchanged, again, refused, parked since the stream began
    rates: dict[str, float]  #: the same per second, over the last 10 to 20 seconds
    hour: dict[str, int]  #: the same of the last hour


def read_statistics(redis: Redis, keys: StreamKeys, now_ms: int) -> Statistics:
    totals = redis.hmget(keys.counters, list(WHATS))
    newest = now_ms // (BUCKET_SECONDS * 1000)
    recent, hour = dict.fromkeys(WHATS, 0), dict.fromkeys(WHATS, 0)
    for field, raw in redis.hgetall(keys.pulse).items():
        bucket, _, what = text(field).partition(":")
        if newest - KEPT_BUCKETS < int(bucket) and what in hour:
            hour[what] += int(raw)
            recent[what] += int(raw) if newest - RATE_BUCKETS < int(bucket) else 0
    rates = {what: count / rate_seconds(now_ms) for what, count in recent.items()}
    found = {what: int(text(total) or 0) for what, total in zip(WHATS, totals, strict=True)}
    return Statistics(found, rates, hour)


def settled_since(redis: Redis, keys: StreamKeys, since_ms: int) -> bool:
    """Whether records have reached their end since then, in the last hour; to ten seconds."""
    first = since_ms // (BUCKET_SECONDS * 1000)
    parted = (text(field).partition(":") for field in redis.hkeys(keys.pulse))
    return any(int(bucket) >= first and what in _SETTLED for bucket, _, what in parted)


def rate_seconds(now_ms: int) -> float:
    """How many seconds a rate is taken over: the newest bucket is still filling, and counts for what has passed."""
    return (RATE_BUCKETS - 1) * BUCKET_SECONDS + (now_ms / 1000) % BUCKET_SECONDS


def trim_pulse(redis: Redis, keys: StreamKeys, now_ms: int) -> int:
    """Drops what is older than an hour. Answers how many counts were dropped."""
    oldest = now_ms // (BUCKET_SECONDS * 1000) - KEPT_BUCKETS
    stale = [field for field in redis.hkeys(keys.pulse) if int(text(field).split(":")[0]) < oldest]
    return int(redis.hdel(keys.pulse, *stale)) if stale else 0
