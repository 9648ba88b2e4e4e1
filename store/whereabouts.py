"""Where one record stands on its queue: the lane, a writer's hands, a wait after a failure, or a wait for a parent."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from redis import Redis

from store.client import text
from store.keys import StreamKeys
from store.outcomes import Parent
from store.records import NEVER_MS, Lane


class Place(StrEnum):
    LANE = "lane"  # ready: its turn comes
    LEASED = "leased"  # in a writer's hands
    LOADED = "loaded"  # in a file for Campaign's import
    DELAYED = "delayed"  # after a failure, until its time comes
    PARKED = "parked"  # until its parent is confirmed, or its contact appears


@dataclass(frozen=True, slots=True)
class Whereabouts:
    place: Place
    lane: Lane
    version: int
    queued_ms: int  #: when it began to wait; ms since 1970
    attempts: int  #: that failed
    until_ms: int | None = None  #: delayed: until then. Leased: the lease ends then
    parked_ms: int | None = None  #: since when it waits for its parent, or since that was last looked for
    parent: Parent | None = None  #: that it waits for
    loaded_ms: int | None = None  #: since when it is in a file for Campaign's import
    placed_ms: int | None = None  #: since when that file is where Campaign takes it; None: it is not


class Head(NamedTuple):
    """A record on the queue, but for its payload."""

    id: str
    version: int
    queued_ms: int
    lane: Lane


_LANES = {b"l": Lane.LIVE, b"r": Lane.REPLAY}


def whereabouts(redis: Redis, keys: StreamKeys, record_id: str) -> Whereabouts | None:
    """Of one record; None if it is not on the queue. Asks in two steps: what moves in between is told as it was."""
    pipeline = redis.pipeline()
    pipeline.hget(keys.records, record_id)
    pipeline.zscore(keys.leases, record_id)
    pipeline.zscore(keys.delayed, record_id)
    pipeline.zscore(keys.parked, record_id)
    pipeline.hget(keys.awaits, record_id)
    pipeline.hget(keys.attempts, record_id)
    record, batch, until, parked, awaited, tries = pipeline.execute()
    if record is None:
        return None
    version, queued, lane, _ = record.split(b" ", 3)
    attempts = int(tries.split()[0]) if tries else 0
    common: dict[str, Any] = {
        "lane": _LANES[lane], "version": int(version), "queued_ms": int(queued), "attempts": attempts
    }  # fmt: skip
    if parked is not None and awaited is not None:
        _, stream, parent_id = awaited.decode().split(" ", 2)
        return Whereabouts(Place.PARKED, parked_ms=int(parked), parent=Parent(stream, parent_id), **common)
    if batch is not None:
        ends = redis.zscore(keys.batches, str(int(batch)))
        if ends is not None and int(ends) == NEVER_MS:
            since, placed = (int(raw or 0) or None for raw in redis.hmget(keys.load, ["committed_ms", "placed_ms"]))
            return Whereabouts(Place.LOADED, loaded_ms=since, placed_ms=placed, **common)
        return Whereabouts(Place.LEASED, until_ms=None if ends is None else int(ends), **common)
    if until is not None:
        return Whereabouts(Place.DELAYED, until_ms=int(until), **common)
    return Whereabouts(Place.LANE, **common)


def waiting_for(redis: Redis, keys: StreamKeys, parent: Parent, limit: int) -> list[str]:
    """The ids of parked records that wait for this one, at most `limit`."""
    prefix = f"{parent.stream} {parent.id}".encode()
    found = redis.zrangebylex(keys.by_parent, b"[" + prefix + b"\0", b"(" + prefix + b"\1", start=0, num=limit)
    return [text(raw).rpartition("\0")[2] for raw in found]


def held(redis: Redis, keys: StreamKeys, at_once: int = 500) -> Iterator[list[Head]]:
    """All records of the queue, without their payloads, in no particular order; one may come twice, and what comes or
    goes meanwhile may not be told."""
    part: list[Head] = []
    for raw_id, record in redis.hscan_iter(keys.records, count=at_once):
        version, queued, lane, _ = record.split(b" ", 3)
        part.append(Head(text(raw_id), int(version), int(queued), _LANES[lane]))
        if len(part) == at_once:
            yield part
            part = []
    if part:
        yield part
