"""What can be seen of a record queue without changing it: how much waits, for how long, what is parked or set aside."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, cast

import orjson
from redis import Redis

from store.keys import StreamKeys
from store.outcomes import Parent, Reason
from store.records import NEVER_MS, Backlog, DeadLetter, ParkedRecord, SetAside
from store.scripts import script
from store.sealing import NoSeal, PayloadSeal, is_under_another_key

#: Ids that are asked for in one step.
PART = 500


class QueueView:
    def __init__(self, redis: Redis, keys: StreamKeys, seal: PayloadSeal | None, high_water: int) -> None:
        self._redis = redis
        self.keys = keys
        self._seal = seal or NoSeal()
        self._high_water = high_water
        self._backlog = script(redis, "backlog")

    def backlog(self) -> Backlog:
        """Exact, of one moment, and independent of how many records wait."""
        return self.backlog_and_parked(0)[0]

    def backlog_and_parked(self, limit: int) -> tuple[Backlog, list[str]]:
        """The backlog, and at most `limit` ids of parked records, the oldest first: of one moment, so that a record
        which is released just then counts in one of both."""
        keys = self.keys
        total, leased, delayed, parked, dead, oldest_ms, lanes_ms, ids = self._backlog(
            keys=[
                keys.records, keys.ready, keys.replay, keys.delayed, keys.leases, keys.tried, keys.dead, keys.parked
            ],
            args=["", limit],
        )  # fmt: skip
        waiting = total - leased - parked
        found = Backlog(waiting, leased, delayed, parked, dead, oldest_ms, lanes_ms)
        return found, [raw_id.decode() for raw_id in ids]

    def total(self) -> int:
        """The backlog as a bare number: records that wait, are leased, or are parked."""
        return int(self._redis.hlen(self.keys.records))

    def is_full(self) -> bool:
        """Whether the backlog has reached its high-water mark."""
        return self._read_ahead() >= self._high_water

    def is_nearly_full(self) -> bool:
        """Whether the backlog has reached nine tenths of its high-water mark: where reading is about to pause."""
        return 10 * self._read_ahead() >= 9 * self._high_water

    def is_half_full(self) -> bool:
        """Whether the backlog has reached half of its high-water mark."""
        return 2 * self._read_ahead() >= self._high_water

    def _read_ahead(self) -> int:
        """The backlog as the high-water mark counts it: without what is in a file for Campaign's import."""
        loaded = self._redis.hget(self.keys.load, "count")
        return self.total() - int(loaded or 0)

    def waiting(self, ids: Collection[str]) -> set[str]:
        """Those of the ids that the queue holds: waiting, leased or parked."""
        pipeline = self._redis.pipeline(transaction=False)
        for record_id in ids:
            pipeline.hexists(self.keys.records, record_id)
        return {record_id for record_id, held in zip(ids, pipeline.execute(), strict=True) if held}

    def peek(self, record_id: str) -> bytes | None:
        """The payload of a record that the queue holds."""
        record = self._redis.hget(self.keys.records, record_id)
        if not isinstance(record, bytes):
            return None
        return self._seal.open(self._owner(record_id), record.split(b" ", 3)[3])

    def payloads(self, ids: Collection[str]) -> dict[str, bytes]:
        """The payloads of those of the ids that the queue holds: waiting, leased or parked."""
        found = self._redis.hmget(self.keys.records, list(ids)) if ids else []
        return {
            record_id: self._seal.open(self._owner(record_id), record.split(b" ", 3)[3])
            for record_id, record in zip(ids, found, strict=True)
            if isinstance(record, bytes)
        }

    def awaits(self, record_id: str) -> Parent | None:
        """The parent that a parked record waits for."""
        awaited = self._redis.hget(self.keys.awaits, record_id)
        return _parent(awaited) if isinstance(awaited, bytes) else None

    def refused(self, ids: Collection[str]) -> set[str]:
        """Those of the ids that were set aside as dead letters."""
        found = self._redis.hmget(self.keys.dead, list(ids)) if ids else []
        return {record_id for record_id, letter in zip(ids, found, strict=True) if letter is not None}

    def at_hand(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that wait, are leased or parked, or were set aside: of one moment, since an operator may
        retry a dead letter between two questions."""
        found: set[str] = set()
        for start in range(0, len(ids), PART):
            part = ids[start : start + PART]
            pipeline = self._redis.pipeline(transaction=True)
            for record_id in part:
                pipeline.hexists(self.keys.records, record_id)
                pipeline.hexists(self.keys.dead, record_id)
            answers = pipeline.execute()
            found.update(id_ for id_, held, dead in zip(part, answers[::2], answers[1::2], strict=True) if held or dead)
        return found

    def payloads_and_refused(self, ids: Sequence[str]) -> tuple[dict[str, bytes], set[str]]:
        """As `payloads` and `refused`, of one moment."""
        if not ids:
            return {}, set()
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.hmget(self.keys.records, ids)
        pipeline.hmget(self.keys.dead, ids)
        records, letters = pipeline.execute()
        payloads = {
            record_id: self._seal.open(self._owner(record_id), record.split(b" ", 3)[3])
            for record_id, record in zip(ids, records, strict=True)
            if isinstance(record, bytes)
        }
        return payloads, {record_id for record_id, letter in zip(ids, letters, strict=True) if letter is not None}

    def dead_among(self, ids: Collection[str]) -> int:
        """How many of the ids were set aside as dead letters."""
        pipeline = self._redis.pipeline(transaction=False)
        for record_id in ids:
            pipeline.hexists(self.keys.dead, record_id)
        return sum(map(bool, pipeline.execute())) if ids else 0

    def dead_ids(self) -> list[str]:
        """The ids of all dead letters."""
        return [raw_id.decode() for raw_id in cast(list[bytes], self._redis.hkeys(self.keys.dead))]

    def leases_run(self, now_ms: int) -> bool:
        """Whether somebody may still be sending: a batch whose lease has not run out is in a writer's hands. Those that
        an import file holds are in nobody's."""
        return bool(self._redis.zcount(self.keys.batches, f"({now_ms}", f"({NEVER_MS}"))

    def parked(self, before_ms: int, limit: int = 1000) -> list[ParkedRecord]:
        """At most `limit` records that were parked at that time or earlier, the oldest first."""
        keys = self.keys
        answer = self._redis.zrangebyscore(keys.parked, "-inf", before_ms, start=0, num=limit, withscores=True)
        found = cast(list[tuple[bytes, float]], answer)
        if not found:
            return []
        awaits = self._redis.hmget(keys.awaits, [raw_id for raw_id, _ in found])
        return [
            ParkedRecord(raw_id.decode(), _parent(awaited), int(since), int(awaited.split(b" ", 1)[0]))
            for (raw_id, since), awaited in zip(found, awaits, strict=True)
            if isinstance(awaited, bytes)  # None: it went back to its lane between the two questions
        ]

    def parked_ids(self) -> list[str]:
        """The ids of all parked records."""
        return [raw_id.decode() for raw_id in cast(list[bytes], self._redis.zrange(self.keys.parked, 0, -1))]

    def has_released(self) -> bool:
        """Whether parents have come whose parked children may still have to return to their lane."""
        keys = self.keys
        return bool(self._redis.zlexcount(keys.workflow.released, f"[{keys.stream} ", f"({keys.stream}!"))

    def parked_since_ms(self, record_id: str) -> int | None:
        """When a record was parked; None if it is not."""
        since = self._redis.zscore(self.keys.parked, record_id)
        return None if since is None else int(since)

    def dead_letter(self, record_id: str) -> DeadLetter | None:
        """The dead letter of one record."""
        value = self._redis.hget(self.keys.dead, record_id)
        return self._dead_letter(record_id, value) if isinstance(value, bytes) else None

    def dead_letters(self, limit: int = 1000) -> Iterator[DeadLetter]:
        """At most `limit` dead letters, in no particular order."""
        for number, (raw_id, value) in enumerate(self._redis.hscan_iter(self.keys.dead)):
            if number == limit:
                return
            yield self._dead_letter(raw_id.decode(), value)

    def set_aside(self, limit: int | None = None) -> Iterator[SetAside]:
        """Dead letters without their records, in no particular order; all of them, or `limit` at most. What is there
        from the first to the last is told, perhaps twice; what comes or goes meanwhile may not be."""
        for number, (raw_id, value) in enumerate(self._redis.hscan_iter(self.keys.dead, count=500)):
            if number == limit:
                return
            yield _set_aside(raw_id.decode(), value)

    def set_aside_of(self, ids: Sequence[str]) -> list[SetAside]:
        """The dead letters of these records, those that there are."""
        found = self._redis.hmget(self.keys.dead, ids) if ids else []
        return [_set_aside(id_, value) for id_, value in zip(ids, found, strict=True) if isinstance(value, bytes)]

    def dead_between(self, from_ms: int, until_ms: int) -> Iterator[SetAside]:
        """Those that were set aside from one time on and before another."""
        return (one for one in self.set_aside() if from_ms <= one.dead_ms < until_ms)

    def under_another_key(self) -> tuple[int, int]:
        """How many records that the queue holds, and how many dead letters, are sealed with another key than the first.
        All of them are looked at."""
        many = [0, 0]
        for number, key in enumerate((self.keys.records, self.keys.dead)):
            for _, value in self._redis.hscan_iter(key, count=PART):
                record = value if number == 0 else _letter(value).record
                many[number] += is_under_another_key(self._seal, record.split(b" ", 3)[3])
        return many[0], many[1]

    def _dead_letter(self, record_id: str, value: bytes) -> DeadLetter:
        letter = _letter(value)
        version, queued, _lane, payload = letter.record.split(b" ", 3)
        return DeadLetter(
            record_id,
            int(version),
            Reason(**orjson.loads(letter.reason)),
            letter.attempts,
            int(queued),
            letter.dead_ms,
            self._seal.open(self._owner(record_id), payload),
        )

    def _owner(self, record_id: str) -> str:
        return self.keys.prefix + record_id


class _Letter(NamedTuple):
    """The parts of a dead letter, as `common.lua` writes them."""

    dead_ms: int
    attempts: int
    reason: bytes
    record: bytes


def _letter(value: bytes) -> _Letter:
    dead_ms, attempts, length, rest = value.split(b" ", 3)
    return _Letter(int(dead_ms), int(attempts), rest[: int(length)], rest[int(length) :])


def _set_aside(record_id: str, value: bytes) -> SetAside:
    letter = _letter(value)
    return SetAside(record_id, letter.dead_ms, letter.attempts, Reason(**orjson.loads(letter.reason)))


def _parent(awaited: bytes) -> Parent:
    _began, stream, parent_id = awaited.decode().split(" ", 2)
    return Parent(stream, parent_id)
