"""The record queue: what was read and is not confirmed yet, one per stream.

    put_page -> ready | replay -> lease -> settle: written | unchanged | again (delayed) | refused (dead letter)
                      ^------------------------------- reap, when a holder dies

Where a record stands is its state. Every verb is one Lua script of the same name; its header says what it guarantees.
Record ids are texts, versions whole numbers up to 2^53, payloads bytes of the caller's making.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

import orjson
from redis import Redis

from store.client import server_time_ms
from store.keys import StreamKeys
from store.ledger import Entry, Ledger, field_of
from store.scripts import clock_argument, script
from store.sealing import NoSeal, PayloadSeal, UnknownKey

T = TypeVar("T")

#: Records per script, and per batch: 500 keep the server busy for about 3 ms, so that nobody else waits longer.
BATCH = 500

#: Holders a record may outlive. A worker that dies takes a whole batch with it, so innocent records collect deaths too.
DEATHS_TOO_MANY = 25


class Lane(StrEnum):
    """Live records are leased before replayed ones."""

    LIVE = "l"  # a change that just happened
    REPLAY = "r"  # a full read: the first run, a replay


_LANES = {b"l": Lane.LIVE, b"r": Lane.REPLAY}


class GenerationOver(Exception):
    """The workflow was stopped or started meanwhile; this work belongs to an earlier generation."""


class CursorMoved(Exception):
    """Another reader has stored this page; nothing was stored twice."""


class QueueFull(Exception):
    """The backlog is at its high-water mark; reading pauses until writers have drained it."""


class Change(NamedTuple):
    """One record as it was read."""

    id: str
    version: int
    payload: bytes


class Stored(NamedTuple):
    queued: int  #: records that were not waiting before
    replaced: int  #: waiting records that now carry a newer version
    skipped: int  #: records whose newer or same version waits already


class Leased(NamedTuple):
    """A record in a writer's hands."""

    id: str
    version: int
    queued_ms: int
    lane: Lane
    payload: bytes
    attempts: int  #: earlier attempts that counted
    deaths: int  #: holders it has outlived


@dataclass(frozen=True, slots=True)
class Batch:
    """Records leased together: one number, one end of the lease. Only who knows the number can settle them."""

    number: int  #: never given twice; 0 if nothing was ready
    records: list[Leased]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a record was refused. Never holds field values."""

    kind: str  #: class of the error, stable, for grouping
    sentence: str
    system: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    id: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Nothing was sent: the target holds this version, or a newer one, already."""

    id: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Again:
    id: str
    wait_ms: int
    counts: bool


@dataclass(frozen=True, slots=True)
class Refused:
    id: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Unsent:
    """Given back untouched."""

    id: str


Outcome = Written | Unchanged | Again | Refused | Unsent
_CONFIRMED = (Written, Unchanged)


@dataclass(frozen=True, slots=True)
class Backlog:
    waiting: int  #: ready, replayed or delayed
    leased: int
    delayed: int  #: of those waiting: after a failure, until their time comes
    dead: int
    oldest_ms: int | None  #: when the longest waiting record began to wait, ms since 1970

    @property
    def total(self) -> int:
        return self.waiting + self.leased


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record set aside with its reason, whole enough to be sent again."""

    id: str
    version: int
    reason: Reason
    attempts: int
    queued_ms: int
    dead_ms: int
    payload: bytes


class RecordQueue:
    def __init__(
        self, redis: Redis, keys: StreamKeys, seal: PayloadSeal | None = None, high_water: int = 100_000
    ) -> None:
        self._redis = redis
        self.keys = keys
        self._seal = seal or NoSeal()
        self._high_water = high_water
        self.ledger = Ledger(redis, keys)
        self._put_page = script(redis, "put_page")
        self._lease = script(redis, "lease")
        self._renew = script(redis, "renew")
        self._settle = script(redis, "settle")
        self._reap = script(redis, "reap")

    def put_page(
        self,
        generation: int,
        cursor_number: int,
        changes: Sequence[Change],
        next_cursor: str,
        lane: Lane = Lane.LIVE,
        now_ms: int | None = None,
    ) -> Stored:
        """Stores a page of any length and, in one step with its last part, the cursor that follows it.

        `cursor_number` is the number of the cursor the page was read from. A crash between two parts leaves the cursor
        where it was: the page is read again and the parts that are there already are recognised. A page begun below the
        high-water mark is stored to its end. Raises GenerationOver, CursorMoved, QueueFull.
        """
        now_ms = server_time_ms(self._redis) if now_ms is None else now_ms
        stored = Stored(0, 0, 0)
        parts = list(_parts(changes, BATCH)) or [[]]
        for part in parts:
            first, last = part is parts[0], part is parts[-1]
            high_water = self._high_water if first else ""
            cursor = next_cursor if last else ""
            answer = self._put_part(generation, cursor_number, part, cursor, lane, now_ms, high_water)
            stored = Stored(*(sum(pair) for pair in zip(stored, answer, strict=True)))
        return stored

    def _put_part(
        self,
        generation: int,
        cursor_number: int,
        changes: Sequence[Change],
        next_cursor: str,
        lane: Lane,
        now_ms: int,
        high_water: int | str,
    ) -> list[int]:
        keys = self.keys
        arguments: list[Any] = [
            now_ms, generation, cursor_number, next_cursor, high_water, lane.value, len(changes)
        ]  # fmt: skip
        # Put together here: the script only passes them on, and a record is made once, not twice.
        behind_version = f" {now_ms} {lane.value} ".encode()
        for record_id, version, payload in changes:
            sealed = self._seal.seal(self._owner(record_id), payload)
            arguments += (record_id, b"%d%b%b" % (version, behind_version, sealed))
        code, *numbers = self._put_page(
            keys=[
                keys.workflow.lifecycle, keys.cursor, keys.records, keys.ready, keys.replay, keys.delayed,
                keys.leases, keys.followed, keys.attempts, keys.tried, keys.dead, keys.counters, keys.pulse,
            ],
            args=arguments,
        )  # fmt: skip
        if code == -1:
            raise GenerationOver(GenerationOver.__doc__)
        if code == -2:
            raise CursorMoved(CursorMoved.__doc__)
        if code == -3:
            raise QueueFull(QueueFull.__doc__)
        return [int(number) for number in numbers]

    def lease(self, generation: int, how_many: int, lease_ms: int, now_ms: int | None = None) -> Batch:
        """The right to at most `how_many` (500) records for `lease_ms`.

        Raises GenerationOver, and UnknownKey if a payload cannot be opened; then all of them wait again.
        """
        keys = self.keys
        code, *answer = self._lease(
            keys=[
                keys.workflow.lifecycle, keys.records, keys.ready, keys.replay, keys.delayed, keys.leases, keys.batches,
                keys.attempts, keys.tried, keys.counters,
            ],
            args=[clock_argument(now_ms), generation, min(how_many, BATCH), lease_ms],
        )  # fmt: skip
        if code == -1:
            raise GenerationOver(GenerationOver.__doc__)
        raw_number, raw_ids, records, tries = answer
        number = int(raw_number)
        try:
            return Batch(number, self._opened(raw_ids, records, tries or [None] * len(raw_ids)))
        except UnknownKey:
            # Left to run out, this lease would count as a death of each record, and innocent ones would be set aside.
            self.settle(number, [Unsent(raw_id.decode()) for raw_id in raw_ids], now_ms)
            raise

    def _opened(
        self, raw_ids: Iterable[bytes], records: Iterable[bytes], tries: Iterable[bytes | None]
    ) -> list[Leased]:
        open_payload, prefix, leased = self._seal.open, self.keys.prefix, []
        for raw_id, record, attempts in zip(raw_ids, records, tries, strict=True):
            record_id = raw_id.decode()
            version, queued, lane, payload = record.split(b" ", 3)
            payload = open_payload(prefix + record_id, payload)
            tried, died = map(int, attempts.split()) if attempts else (0, 0)
            leased.append(Leased(record_id, int(version), int(queued), _LANES[lane], payload, tried, died))
        return leased

    def renew(self, generation: int, number: int, lease_ms: int, now_ms: int | None = None) -> bool:
        """More time, from now, for a whole batch. False: its lease has run out, or nothing of it is held any more.

        Raises GenerationOver: then nothing was renewed.
        """
        keys = self.keys
        code = self._renew(
            keys=[keys.workflow.lifecycle, keys.batches],
            args=[clock_argument(now_ms), generation, number, lease_ms],
        )
        if code == -1:
            raise GenerationOver(GenerationOver.__doc__)
        return bool(code)

    def settle(self, number: int, outcomes: Iterable[Outcome], now_ms: int | None = None) -> set[str]:
        """Says what became of records of a batch. Answers the ids that were not believed.

        Those are ids that the batch does not hold, and all of them once its lease has run out.
        """
        keys, bucket_of = self.keys, self.ledger.bucket_of
        doubted: set[str] = set()
        for part in _parts(list(outcomes), BATCH):
            letters: list[str] = []
            buckets: list[str] = []
            ids: list[str] = []
            xs: list[Any] = []
            ys: list[Any] = []
            for outcome in part:
                record_id = outcome.id
                ids.append(record_id)
                if isinstance(outcome, _CONFIRMED):
                    field = field_of(record_id)
                    buckets.append(bucket_of(field))
                    letters.append("w" if isinstance(outcome, Written) else "u")
                    xs.append(field)
                    ys.append(outcome.entry.pack())
                else:
                    letter, x, y = _arguments_of(outcome)
                    buckets.append(keys.records)  # no bucket: any key of the stream keeps the place
                    letters.append(letter)
                    xs.append(x)
                    ys.append(y)
            answer = self._settle(
                keys=[
                    keys.records, keys.ready, keys.replay, keys.delayed, keys.leases, keys.batches, keys.followed,
                    keys.attempts, keys.tried, keys.dead, keys.counters, keys.pulse, *buckets,
                ],
                args=[clock_argument(now_ms), number, "".join(letters), *ids, *xs, *ys],
            )  # fmt: skip
            doubted.update(raw.decode() for raw in answer)
        return doubted

    def reap(self, now_ms: int | None = None) -> int:
        """Ends batches whose lease has run out; their records, at most 500, wait again. Answers how many."""
        keys = self.keys
        reason = Reason("holders-died", f"{DEATHS_TOO_MANY} workers died or hung while they held this record.")
        ended: int = self._reap(
            keys=[
                keys.records, keys.ready, keys.replay, keys.leases, keys.batches, keys.followed, keys.attempts,
                keys.tried, keys.dead, keys.counters, keys.pulse,
            ],
            args=[clock_argument(now_ms), BATCH, DEATHS_TOO_MANY, orjson.dumps(reason)],
        )  # fmt: skip
        return ended

    def leases_run(self, now_ms: int) -> bool:
        """Whether somebody may still be sending: a batch whose lease has not run out is in a writer's hands."""
        return bool(self._redis.zcount(self.keys.batches, f"({now_ms}", "+inf"))

    def backlog(self) -> Backlog:
        """Exact, and independent of how many records wait."""
        keys, pipeline = self.keys, self._redis.pipeline()
        pipeline.hlen(keys.records)
        pipeline.zcard(keys.leases)
        pipeline.zcard(keys.delayed)
        pipeline.hlen(keys.dead)
        pipeline.lindex(keys.ready, 0)
        pipeline.zrange(keys.replay, 0, 0, withscores=True)
        pipeline.zrange(keys.tried, 0, 0, withscores=True)
        total, leased, delayed, dead, first, replayed, tried = pipeline.execute()
        # Records that were never leased stand in the order they came; those that were, or that changed their lane, are
        # also listed in `tried`.
        begun = [int(score) for _, score in [*replayed, *tried]]
        record = self._redis.hget(keys.records, first) if first else None
        if isinstance(record, bytes):
            begun.append(int(record.split(b" ", 2)[1]))
        return Backlog(total - leased, leased, delayed, dead, min(begun, default=None))

    def total(self) -> int:
        """The backlog as a bare number: records that wait or are leased."""
        return int(self._redis.hlen(self.keys.records))

    def is_full(self) -> bool:
        """Whether the backlog has reached its high-water mark."""
        return self.total() >= self._high_water

    def dead_letters(self, limit: int = 1000) -> Iterator[DeadLetter]:
        """At most `limit` dead letters, in no particular order."""
        for number, (raw_id, value) in enumerate(self._redis.hscan_iter(self.keys.dead)):
            if number == limit:
                return
            dead_ms, attempts, length, rest = value.split(b" ", 3)
            reason, record = rest[: int(length)], rest[int(length) :]
            version, queued, _lane, payload = record.split(b" ", 3)
            record_id = raw_id.decode()
            yield DeadLetter(
                record_id,
                int(version),
                Reason(**orjson.loads(reason)),
                int(attempts),
                int(queued),
                int(dead_ms),
                self._seal.open(self._owner(record_id), payload),
            )

    def _owner(self, record_id: str) -> str:
        return self.keys.prefix + record_id


def _arguments_of(outcome: Again | Refused | Unsent) -> tuple[str, Any, Any]:
    match outcome:
        case Again():
            return "a", outcome.wait_ms, int(outcome.counts)
        case Refused():
            return "d", orjson.dumps(outcome.reason), ""
        case Unsent():
            return "b", "", ""


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
